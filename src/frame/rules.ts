import { outOfRange, ProtocolError, wrongType } from '../errors.js'
import { FIN, longForm, MAX_CONTROL_PAYLOAD, RSV, readLength16, readLength64 } from './header.js'
import { isControl, isKnownOpcode } from './opcode.js'

/** Which side of a connection something is: the client masks what it sends, the server does not (RFC 6455 §5.1). */
export type Role = 'server' | 'client'

/** What one header must keep to, besides the RFC itself. */
export interface FrameRules {
  /** MASK must be set: true at a server, false at a client; undefined takes both. */
  readonly expectMasked: boolean | undefined
  /** Reserved bits that a negotiated extension uses, as in the first byte (0x40, 0x20, 0x10). */
  readonly allowedRsv: number
  /** Longest payload of one frame in bytes. */
  readonly maxFrame: number
  /** Whether headers must keep to the RFC; `maxFrame` holds in any case. */
  readonly strict: boolean
}

/** What can be set for a decoder. */
export interface FrameDecoderOptions {
  /** Whose decoder this is: a server takes masked frames only, a client unmasked ones only; left out, both are taken. */
  readonly role?: Role
  /** Longest payload of one frame in bytes; default 1 MiB. */
  readonly maxFrame?: number
  /** Reserved bits that are in use, as in the first byte of a frame (0x40, 0x20, 0x10); default none. */
  readonly allowedRsv?: number
  /**
   * Checks headers against RFC 6455. False for tools that look at wrong frames: then only `maxFrame` holds, and frames
   * tell the form of their length where it is not the shortest one. Default true.
   */
  readonly strict?: boolean
}

/** Checks the options of a decoder and makes them rules. */
export function resolveRules(options: FrameDecoderOptions): FrameRules {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options)
  const { role, maxFrame = 1 << 20, allowedRsv = 0, strict = true } = options
  if (role !== undefined && role !== 'server' && role !== 'client')
    throw wrongType('role', "'server', 'client' or undefined", role)
  if (typeof maxFrame !== 'number') throw wrongType('maxFrame', 'a number', maxFrame)
  if (maxFrame !== Infinity && (!Number.isSafeInteger(maxFrame) || maxFrame < 0))
    throw outOfRange('maxFrame', 'an integer >= 0, or Infinity', maxFrame)
  if (typeof allowedRsv !== 'number') throw wrongType('allowedRsv', 'a number', allowedRsv)
  if ((allowedRsv & RSV) !== allowedRsv)
    throw outOfRange('allowedRsv', 'made of 0x40, 0x20 and 0x10', allowedRsv)
  if (typeof strict !== 'boolean') throw wrongType('strict', 'a boolean', strict)
  return shared({
    expectMasked: role === undefined ? undefined : role === 'server',
    allowedRsv,
    maxFrame,
    strict,
  })
}

let lastMade: FrameRules = { expectMasked: undefined, allowedRsv: 0, maxFrame: 0, strict: true }

/** Ten thousand decoders of one server need their rules once. */
function shared(rules: FrameRules): FrameRules {
  const { expectMasked, allowedRsv, maxFrame, strict } = lastMade
  const isAlike =
    rules.expectMasked === expectMasked && rules.allowedRsv === allowedRsv && rules.maxFrame === maxFrame
  if (!isAlike || rules.strict !== strict) lastMade = rules
  return lastMade
}

const violation = (code: ConstructorParameters<typeof ProtocolError>[0], message: string): ProtocolError =>
  new ProtocolError(code, 1002, message)

/** Checks a header in the order of RFC 6455 §5.2 to §5.5, before any memory is spent on its payload. */
export function checkHeader(head: number, masked: boolean, length: number, rules: FrameRules): void {
  if (!rules.strict) return checkLength(length, rules)
  const rsv = head & RSV & ~rules.allowedRsv
  const opcode = head & 0x0f
  if (rsv !== 0)
    throw violation('WS_ERR_RSV', `Reserved bits 0x${rsv.toString(16)} are set without an extension (§5.2)`)
  if (!isKnownOpcode(opcode))
    throw violation('WS_ERR_OPCODE', `Opcode 0x${opcode.toString(16)} is reserved (§5.2)`)
  if (rules.expectMasked !== undefined && masked !== rules.expectMasked)
    throw violation('WS_ERR_MASK', `Frame is ${masked ? 'masked' : 'not masked'}: wrong for this side (§5.1)`)
  if (isControl(opcode)) checkControl(head, length)
  else checkLength(length, rules)
}

/** The limit that is no rule of the RFC, and holds for wrong frames too. */
function checkLength(length: number, rules: FrameRules): void {
  if (length <= rules.maxFrame) return
  throw new ProtocolError(
    'WS_ERR_MAX_FRAME',
    1009,
    `Cannot accept a frame of ${length} bytes: maxFrame is ${rules.maxFrame}`,
    { breach: { option: 'maxFrame', limit: rules.maxFrame, value: length } },
  )
}

function checkControl(head: number, length: number): void {
  if ((head & FIN) === 0) throw violation('WS_ERR_CONTROL_FRAGMENTED', 'Control frame is fragmented (§5.5)')
  if ((head & RSV) !== 0)
    throw violation('WS_ERR_RSV', 'Control frame has a reserved bit set (RFC 7692 §6.1)')
  if (length > MAX_CONTROL_PAYLOAD)
    throw violation('WS_ERR_CONTROL_LENGTH', `Control frame has ${length} bytes: the limit is 125 (§5.5)`)
}

/** Reads an extended length, 16 bits for 126 and 64 for 127; strictly, it must be minimal (§5.2). */
export function readLongLength(bytes: Uint8Array, at: number, short: number, strict: boolean): number {
  const length = short === 126 ? readLength16(bytes, at) : readLength64(bytes, at)
  const form = longForm(short, length)
  if (strict && form !== undefined)
    throw violation('WS_ERR_LENGTH', `Length ${length} is written in ${form} bits: fewer are enough (§5.2)`)
  return length
}
