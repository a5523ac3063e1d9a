/** Encodes the messages of long exchanges: quickly, as each is needed many times. */
import { encodeFrame, mask, Opcode, type Role } from '../../frame/index.js'
import { type FrameSpec, fragments, type Source } from './case.js'
import { deflate, lastBytes, type Way } from './deflate.js'
import { frameOf } from './frames.js'

/** A message as it goes over the wire, with masks of zeros where it has any. */
interface Wire {
  readonly bytes: Buffer
  /** Where the payload of each masked frame begins and ends; its key stands before it. */
  readonly masked: readonly (readonly [start: number, end: number])[]
}

/** Compressed messages by source and way: what was sent once is sent again by other cases. */
const compressed = new Map<string, Buffer>()

export class MessageEncoder {
  readonly #role: Role
  readonly #way: Way | undefined
  /** What was encoded before, by its number, or, where it was compressed, by what came of that. */
  readonly #wires = new Map<number | Buffer, Wire>()

  constructor(role: Role, way: Way | undefined) {
    this.#role = role
    this.#way = way
  }

  /** The message with this number, as one piece of bytes. */
  encode(source: Source, index: number): Buffer[] {
    const way = this.#way
    const payload = way === undefined ? source.at(index) : this.#compress(source, index, way)
    const key = way === undefined ? index % source.period : payload
    const wire = this.#wires.get(key) ?? this.#wireOf(source, payload)
    this.#wires.set(key, wire)
    return [wire.masked.length === 0 ? wire.bytes : freshlyMasked(wire)]
  }

  #wireOf(source: Source, payload: Buffer): Wire {
    const opcode = source.isText ? Opcode.Text : Opcode.Binary
    const whole: FrameSpec = { opcode, payload, rsv: this.#way === undefined ? 0 : 4 }
    const specs = source.fragment === 0 ? [whole] : onlyFirstMarked(fragments(whole, source.fragment))
    const frames = specs.map((spec) => frameOf(spec, this.#role))
    for (const frame of frames) if (frame.masked) frame.maskKey = 0
    const pieces = frames.map(encodeFrame)
    let at = 0
    const masked = frames.flatMap((frame, i): (readonly [number, number])[] => {
      at += pieces[i]?.length ?? 0
      return frame.masked ? [[at - frame.payload.length, at]] : []
    })
    return { bytes: Buffer.concat(pieces), masked }
  }

  /** What was sent before decides how a message is compressed: far enough from the beginning that repeats itself. */
  #compress(source: Source, index: number, way: Way): Buffer {
    const reach = way.takeover ? 1 << way.windowBits : 0
    const size = Math.max(1, source.at(0).length)
    const needed = Math.ceil(reach / size)
    const repeats = index >= needed
    const key = [
      source.name,
      way.windowBits,
      way.takeover,
      repeats,
      repeats ? index % source.period : index,
    ].join()
    const known = compressed.get(key)
    if (known !== undefined) return known
    const before = Array.from({ length: Math.min(needed, index) }, (_, i) =>
      source.at(index - Math.min(needed, index) + i),
    )
    const made = deflate(
      source.at(index),
      reach === 0 || before.length === 0 ? Buffer.alloc(0) : lastBytes(before, reach),
      way.windowBits,
    )
    compressed.set(key, made)
    return made
  }
}

/** RSV1 stands in the first frame of a message only (RFC 7692 §6.1). */
const onlyFirstMarked = (frames: readonly FrameSpec[]): FrameSpec[] =>
  frames.map((frame, i) => (i === 0 ? frame : { ...frame, rsv: 0 }))

/** A copy with a new key for each frame (RFC 6455 §5.3). */
function freshlyMasked({ bytes, masked }: Wire): Buffer {
  const copy = Buffer.from(bytes)
  for (const [start, end] of masked) {
    const key = (Math.random() * 0x1_0000_0000) >>> 0
    copy.writeUInt32BE(key, start - 4)
    mask(copy, start, end, key)
  }
  return copy
}
