/** Frames as cases describe them, and what is wrong with those of the other side. */
import { Frame, Opcode, opcodeName, type Role } from '../../frame/index.js'
import type { FrameSpec } from './case.js'

/** The frame that a spec describes, as this side sends it. */
export function frameOf(spec: FrameSpec, role: Role): Frame {
  const rsv = spec.rsv ?? 0
  const masked = (role === 'client') !== (spec.wrongMask === true)
  const frame = new Frame({
    opcode: spec.opcode,
    fin: spec.fin ?? true,
    rsv1: (rsv & 4) !== 0,
    rsv2: (rsv & 2) !== 0,
    rsv3: (rsv & 1) !== 0,
    masked,
    maskKey: masked ? (Math.random() * 0x1_0000_0000) >>> 0 : 0,
    payload: spec.payload ?? '',
  })
  if (spec.length !== undefined) frame.length = spec.length
  if (spec.lengthSize !== undefined) frame.lengthSize = spec.lengthSize
  return frame
}

/** What the rules for a frame depend on, besides the frame. */
export interface FrameState {
  /** permessage-deflate was agreed on. */
  readonly compressed: boolean
  /** A message of the other side is under way. */
  readonly begun: boolean
}

const shortest = (length: number): number => (length < 126 ? 7 : length < 0x10000 ? 16 : 64)

/** The rules that hold for every frame of the other side, in the order of RFC 6455 §5.2 to §5.5; `role` is ours. */
export function faultOf(frame: Frame, role: Role, { compressed, begun }: FrameState): string | undefined {
  const mayCompress = compressed && (frame.isText || frame.isBinary)
  if ((frame.rsv1 && !mayCompress) || frame.rsv2 || frame.rsv3) return 'set a reserved bit (RFC 6455 §5.2)'
  const isKnown = frame.isControl ? frame.opcode <= Opcode.Pong : frame.opcode <= Opcode.Binary
  if (!isKnown) return `sent ${opcodeName(frame.opcode)} (§5.2)`
  if (frame.masked !== (role === 'server'))
    return frame.masked ? 'masked a frame (§5.1)' : 'did not mask a frame (§5.1)'
  if (frame.lengthSize !== shortest(frame.length))
    return `wrote the length ${frame.length} in ${frame.lengthSize} bits (§5.2)`
  if (frame.isControl) return controlFault(frame)
  return frame.isContinuation === begun ? undefined : 'mixed up the frames of its messages (§5.4)'
}

function controlFault(frame: Frame): string | undefined {
  if (!frame.fin) return 'sent a control frame in fragments (§5.5)'
  return frame.length > 125 ? `sent a control frame of ${frame.length} bytes (§5.5)` : undefined
}
