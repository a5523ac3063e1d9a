import { decodeClosePayload, type Frame, isControl, isKnownOpcode, opcodeName } from '../../frame/index.js'
import type { FrameDirection } from '../annotate.js'

/** What the rules for a frame depend on, besides the frame. */
export interface FrameState {
  /** Which way it went: what the client sends must be masked. */
  readonly direction: FrameDirection
  /** permessage-deflate was agreed on. */
  readonly isDeflated: boolean
  /** A handshake is known, so that it is certain what was agreed on. */
  readonly isAgreed: boolean
  /** An extension is in use that nothing is known of: it may use what is left over. */
  readonly isExtended: boolean
  /** A message of this direction is under way. */
  readonly isBegun: boolean
  /** This direction has sent Close. */
  readonly isClosed: boolean
}

const shortest = (length: number): number => (length < 126 ? 7 : length < 0x1_0000 ? 16 : 64)

/** Every rule that a frame breaks by itself or by its place, in the order of RFC 6455 §5.1 to §5.5. */
export function faultsOf(frame: Frame, state: FrameState): string[] {
  return [
    maskFault(frame, state),
    ...rsvFaults(frame, state),
    isKnownOpcode(frame.opcode) || state.isExtended
      ? undefined
      : `Opcode is ${opcodeName(frame.opcode)} (RFC 6455 §5.2)`,
    frame.lengthSize === shortest(frame.length)
      ? undefined
      : `Length ${frame.length} is written in ${frame.lengthSize} bits: fewer are enough (RFC 6455 §5.2)`,
    ...(isControl(frame.opcode) ? controlFaults(frame) : [orderFault(frame, state)]),
    state.isClosed ? 'Nothing may be sent after Close (RFC 6455 §5.5.1)' : undefined,
  ].filter((fault) => fault !== undefined)
}

function maskFault({ masked }: Frame, { direction }: FrameState): string | undefined {
  if (masked === (direction === 'sent')) return undefined
  return masked
    ? 'A server must not mask what it sends (RFC 6455 §5.1)'
    : 'A client must mask what it sends (RFC 6455 §5.1)'
}

function rsvFaults(frame: Frame, { isDeflated, isAgreed, isExtended }: FrameState): string[] {
  if (isExtended) return []
  const faults: string[] = []
  if (frame.rsv1) {
    const place = frame.isControl ? 'a control frame' : frame.isContinuation ? 'a continuation' : undefined
    if (isDeflated && place !== undefined) faults.push(`RSV1 is set on ${place} (RFC 7692 §6.1)`)
    if (!isDeflated)
      faults.push(
        isAgreed
          ? 'RSV1 is set, and no extension was agreed on (RFC 6455 §5.2)'
          : 'RSV1 is set, and no handshake tells why (RFC 6455 §5.2): is it --extensions permessage-deflate?',
      )
  }
  if (frame.rsv2) faults.push('RSV2 is set, and no extension was agreed on that uses it (RFC 6455 §5.2)')
  if (frame.rsv3) faults.push('RSV3 is set, and no extension was agreed on that uses it (RFC 6455 §5.2)')
  return faults
}

function orderFault({ isContinuation }: Frame, { isBegun, isExtended }: FrameState): string | undefined {
  if (isContinuation === isBegun || isExtended) return undefined
  return isBegun
    ? 'A message begins before the one before it has ended (RFC 6455 §5.4)'
    : 'Continuation of nothing: no message is under way (RFC 6455 §5.4)'
}

function controlFaults(frame: Frame): (string | undefined)[] {
  return [
    frame.fin ? undefined : 'A control frame must not be fragmented (RFC 6455 §5.5)',
    frame.length > 125
      ? `A control frame has ${frame.length} bytes: 125 are allowed (RFC 6455 §5.5)`
      : undefined,
    frame.isClose && frame.length <= 125 ? closeFault(frame) : undefined,
  ]
}

function closeFault(frame: Frame): string | undefined {
  try {
    decodeClosePayload(frame.payload)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
