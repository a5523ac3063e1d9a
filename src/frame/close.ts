import { type CloseStatus, outOfRange, ProtocolError, wrongType } from '../errors.js'
import { asBuffer } from './bytes.js'
import { MAX_CONTROL_PAYLOAD } from './header.js'
import { isUtf8 } from './utf8.js'

/** Registered close codes (RFC 6455 §7.4.1 and the IANA registry). */
export const CloseCode = {
  /** Done. */
  Normal: 1000,
  /** The server goes down, or the page was left. */
  GoingAway: 1001,
  /** A rule of the RFC was broken. */
  ProtocolError: 1002,
  /** This kind of data is not taken. */
  UnsupportedData: 1003,
  /** Never on the wire: the Close frame had no code. */
  NoStatus: 1005,
  /** Never on the wire: there was no Close frame. */
  Abnormal: 1006,
  /** Text that is no UTF-8, or the like. */
  InvalidPayload: 1007,
  /** Not allowed, and no other code fits. */
  PolicyViolation: 1008,
  /** Longer than the other side takes. */
  MessageTooBig: 1009,
  /** The client insists on an extension. */
  MandatoryExtension: 1010,
  /** The other side failed. */
  InternalError: 1011,
  /** It restarts: come back after a while. */
  ServiceRestart: 1012,
  /** Too much to do: come back later. */
  TryAgainLater: 1013,
  /** What stands behind the server failed. */
  BadGateway: 1014,
  /** Never on the wire: the TLS handshake failed. */
  TlsHandshake: 1015,
} as const

/** The value of one registered close code. */
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

/**
 * Whether a code may stand in a Close frame (§7.4): 1000 to 1014 but for 1004 (reserved), 1005 and 1006 (only ever
 * reported), 3000 to 3999 (registered by libraries), 4000 to 4999 (private).
 */
export function mayTravel(code: number): boolean {
  if (!Number.isInteger(code)) return false
  if (code >= 1000 && code <= 1014) return code !== 1004 && code !== 1005 && code !== 1006
  return code >= 3000 && code <= 4999
}

/** Ends that are no error: done, going away, no reason given. */
export const isPeaceful = (code: number): boolean => code === 1000 || code === 1001 || code === 1005

const NO_STATUS: CloseStatus = Object.freeze({ code: CloseCode.NoStatus, reason: '' })

/**
 * Builds the payload of a Close frame: the code, highest byte first, then the reason in UTF-8 (§5.5.1).
 * Without a code the payload is empty.
 *
 * @example
 * encodeClosePayload(1000, 'bye').toString('hex') // '03e8627965'
 */
export function encodeClosePayload(code?: number, reason = ''): Buffer {
  if (typeof reason !== 'string') throw wrongType('close reason', 'a string', reason)
  if (code === undefined) {
    if (reason !== '') throw outOfRange('close reason', 'empty when there is no code', reason)
    return Buffer.alloc(0)
  }
  if (typeof code !== 'number') throw wrongType('close code', 'a number', code)
  if (!mayTravel(code))
    throw outOfRange('close code', '1000 to 1014 except 1004 to 1006, or 3000 to 4999', code)
  const length = Buffer.byteLength(reason)
  if (length > MAX_CONTROL_PAYLOAD - 2)
    throw outOfRange('close reason', `at most ${MAX_CONTROL_PAYLOAD - 2} bytes of UTF-8`, length)
  const payload = Buffer.alloc(2 + length)
  payload[0] = code >>> 8
  payload[1] = code & 0xff
  payload.write(reason, 2)
  return payload
}

/**
 * Reads the payload of a Close frame. An empty one gives code 1005.
 *
 * @throws ProtocolError 1002 for a single byte or a code that may not travel, 1007 for a reason that is not UTF-8.
 */
export function decodeClosePayload(payload: Uint8Array): CloseStatus {
  const bytes = asBuffer('payload', payload)
  if (bytes.length === 0) return NO_STATUS
  if (bytes.length === 1) throw malformed('Close frame has a payload of 1 byte (RFC 6455 §5.5.1)')
  const code = (bytes[0]! << 8) | bytes[1]!
  if (!mayTravel(code)) throw malformed(`Close code ${code} may not be sent (RFC 6455 §7.4)`)
  if (!isUtf8(bytes, 2))
    throw new ProtocolError('WS_ERR_UTF8', 1007, 'Close reason is not UTF-8 (RFC 6455 §5.5.1)')
  return { code, reason: bytes.toString('utf8', 2) }
}

const malformed = (message: string): ProtocolError => new ProtocolError('WS_ERR_CLOSE_PAYLOAD', 1002, message)
