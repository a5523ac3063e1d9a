/** Steps and events in words, for reports. */
import { opcodeName } from '../../frame/index.js'
import type { Expected, FrameSpec, Step } from './case.js'
import type { PeerEvent } from './link.js'

const SHOWN = 24

/** Bytes for people: as text where they are plain ASCII, else in hex; long ones are shortened. */
export function bytesInWords(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'without payload'
  const shown = Buffer.from(bytes.subarray(0, SHOWN))
  const isPlain = shown.every((byte) => byte >= 0x20 && byte < 0x7f)
  const more = bytes.length > SHOWN ? '…' : ''
  const size = bytes.length === 1 ? '1 byte' : `${bytes.length} bytes`
  return `of ${size} ${isPlain ? `'${shown.toString('latin1')}${more}'` : shown.toString('hex') + more}`
}

/** A Close frame: its code and its reason, as far as it has them. */
export function closeInWords(payload: Buffer): string {
  if (payload.length < 2) return `Close ${bytesInWords(payload)}`
  const reason = payload.length > 2 ? `: ${JSON.stringify(payload.toString('utf8', 2))}` : ''
  return `Close ${payload.readUInt16BE(0)}${reason}`
}

/** Something that came, or that should have come. */
export function eventInWords(event: PeerEvent | Expected): string {
  switch (event.kind) {
    case 'wrong':
      return event.what
    case 'end':
      return 'the end of TCP'
    case 'fence':
      return 'a sign of life'
    case 'close':
      return closeInWords(event.payload)
    default:
      return `a ${event.kind} ${bytesInWords(event.data)}`
  }
}

/** What the other side did. */
export function peerInWords(event: PeerEvent): string {
  if (event.kind === 'wrong') return event.what
  return event.kind === 'end' ? event.how : `sent ${eventInWords(event)}`
}

const either = (codes: readonly number[]): string => codes.join(' or ')

function piecesInWords(pieces: 'whole' | 'frames' | number): string {
  if (pieces === 'whole') return ''
  return pieces === 'frames' ? ', frame by frame' : `, in pieces of ${pieces}`
}

function frameInWords({ opcode, payload = '', bytes }: FrameSpec): string {
  return bytes ? `${bytes.length} bytes` : `${opcodeName(opcode)} of ${Buffer.from(payload).length}`
}

function framesInWords(frames: readonly FrameSpec[]): string {
  const shown = frames.slice(0, 6).map(frameInWords)
  return frames.length > 6 ? `${shown.join(', ')} and ${frames.length - 6} more` : shown.join(', ')
}

/** What a step does, or waits for. */
export function stepInWords(step: Step): string {
  switch (step.do) {
    case 'send':
      return `sends ${framesInWords(step.frames)}${piecesInWords(step.pieces)}`
    case 'read':
      return `expects ${step.events.map(eventInWords).join(', then ')}`
    case 'quiet':
      return 'expects nothing'
    case 'failsNow':
      return `expects Close ${either(step.codes)} at once, before the rest is sent`
    case 'fails':
      return `expects Close ${either(step.codes)}`
    case 'closed':
      return `expects the answer to Close, ${either(step.codes)}, and the end of TCP`
    case 'echo':
      return `sends ${step.count} messages and expects their echoes`
    case 'act':
      return step.what
  }
}
