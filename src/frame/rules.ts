import { ProtocolError } from '../errors.js'
import { FIN, MAX_CONTROL_PAYLOAD, RSV } from './header.js'
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
}

const violation = (code: ConstructorParameters<typeof ProtocolError>[0], message: string): ProtocolError =>
  new ProtocolError(code, 1002, message)

/** Checks a header in the order of RFC 6455 §5.2 to §5.5, before any memory is spent on its payload. */
export function checkHeader(head: number, masked: boolean, length: number, rules: FrameRules): void {
  const rsv = head & RSV & ~rules.allowedRsv
  const opcode = head & 0x0f
  if (rsv !== 0)
    throw violation('WS_ERR_RSV', `Reserved bits 0x${rsv.toString(16)} are set without an extension (§5.2)`)
  if (!isKnownOpcode(opcode))
    throw violation('WS_ERR_OPCODE', `Opcode 0x${opcode.toString(16)} is reserved (§5.2)`)
  if (rules.expectMasked !== undefined && masked !== rules.expectMasked)
    throw violation('WS_ERR_MASK', `Frame is ${masked ? 'masked' : 'not masked'}: wrong for this side (§5.1)`)
  if (isControl(opcode)) return checkControl(head, length)
  if (length > rules.maxFrame)
    throw new ProtocolError(
      'WS_ERR_MAX_FRAME',
      1009,
      `Cannot accept a frame of ${length} bytes: maxFrame is ${rules.maxFrame}`,
    )
}

function checkControl(head: number, length: number): void {
  if ((head & FIN) === 0) throw violation('WS_ERR_CONTROL_FRAGMENTED', 'Control frame is fragmented (§5.5)')
  if ((head & RSV) !== 0)
    throw violation('WS_ERR_RSV', 'Control frame has a reserved bit set (RFC 7692 §6.1)')
  if (length > MAX_CONTROL_PAYLOAD)
    throw violation('WS_ERR_CONTROL_LENGTH', `Control frame has ${length} bytes: the limit is 125 (§5.5)`)
}
