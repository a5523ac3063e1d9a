/** Encodes the messages of long exchanges: quickly, as each is needed many times. */
import { encodeFrame, Opcode, type Role } from '../../frame/index.js'
import { type FrameSpec, fragments, type Source } from './case.js'
import { deflate, lastBytes, type Way } from './deflate.js'
import { frameOf } from './frames.js'

/** Compressed messages by source and way: what was sent once is sent again by other cases. */
const compressed = new Map<string, Buffer>()

export class MessageEncoder {
  readonly #role: Role
  readonly #way: Way | undefined

  constructor(role: Role, way: Way | undefined) {
    this.#role = role
    this.#way = way
  }

  /** The message with this number, as one piece of bytes. */
  encode(source: Source, index: number): Buffer[] {
    const way = this.#way
    const payload = way === undefined ? source.at(index) : this.#compress(source, index, way)
    const opcode = source.isText ? Opcode.Text : Opcode.Binary
    const whole: FrameSpec = { opcode, payload, rsv: way === undefined ? 0 : 4 }
    const frames = source.fragment === 0 ? [whole] : onlyFirstMarked(fragments(whole, source.fragment))
    return [Buffer.concat(frames.map((spec) => encodeFrame(frameOf(spec, this.#role))))]
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
