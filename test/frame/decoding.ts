import assert from 'node:assert/strict'
import { ProtocolError } from '../../src/errors.js'
import { FrameDecoder, type FrameDecoderOptions } from '../../src/frame/decoder.js'
import { Frame, headOf } from '../../src/frame/frame.js'
import type { FrameWatch } from '../../src/frame/watch.js'

/** What came of a byte stream; however it was cut, all of this has to be the same. */
export interface Outcome {
  /** The frames, with their payloads. */
  readonly frames: string[]
  /** The headers that the watch saw, each with the payload bytes that came for it. */
  readonly watched: string[]
  readonly error: string | undefined
  /** Bytes left over. */
  readonly buffered: number
}

/**
 * How the pieces are given: each in memory of its own, all before the first read, or through one buffer that is
 * overwritten with garbage as soon as `keep()` was called, as a socket's read buffer is.
 */
export type Feeding = 'own' | 'late' | 'shared'

const describe = (frame: Frame): string =>
  [headOf(frame).toString(16), frame.masked, frame.maskKey, frame.length, frame.lengthSize].join(' ')

/** Notes what it sees, and checks that each payload is announced, adds up and is what `seen` says. */
class Notes implements FrameWatch {
  readonly headers: { head: number; length: number; got: Buffer[]; size: number }[] = []

  header(head: number, length: number): void {
    const last = this.headers.at(-1)
    if (last !== undefined) assert.equal(last.size, last.length, 'the payload before this header is whole')
    this.headers.push({ head, length, got: [], size: 0 })
  }

  payload(head: number, bytes: Buffer, start: number, end: number, seen: number): void {
    const last = this.headers.at(-1)
    assert.ok(last !== undefined && last.head === head, 'a header came before its payload')
    assert.ok(end > start || last.length === 0, 'only an empty payload has an empty piece')
    last.got.push(Buffer.from(bytes.subarray(start, end)))
    last.size += end - start
    assert.ok(last.size <= last.length, 'no more than the header announced')
    const isAscii = last.got.at(-1)?.every((byte) => byte < 0x80)
    if (seen < 0x80) assert.ok(isAscii, 'seen is never below 0x80 for what is no ASCII')
  }

  toStrings(): string[] {
    return this.headers.map(
      ({ head, length, got }) => `${head} ${length} ${Buffer.concat(got).toString('hex')}`,
    )
  }
}

/** Decodes a stream that is cut at these places, in order. */
export function decode(
  stream: Buffer,
  options: FrameDecoderOptions,
  cuts: readonly number[] = [],
  feeding: Feeding = 'own',
): Outcome {
  const notes = new Notes()
  const decoder = new FrameDecoder(options, notes)
  const payloads: [facts: string, payload: Buffer][] = []
  let error: string | undefined
  const readAll = (): void => {
    for (;;) {
      const frame = new Frame()
      if (!decoder.read(frame)) return
      const lasts = feeding !== 'shared' || decoder.ownsPayload
      payloads.push([describe(frame), lasts ? frame.payload : frame.copyPayload()])
    }
  }
  const shared = Buffer.alloc(stream.length + 3)
  try {
    let at = 0
    for (const cut of [...cuts, stream.length]) {
      feed(decoder, stream.subarray(at, cut), feeding === 'shared' ? shared : undefined, at % 4)
      at = cut
      if (feeding !== 'late') readAll()
      if (feeding !== 'shared') continue
      decoder.keep()
      shared.fill(0xa5)
    }
    readAll()
  } catch (thrown) {
    error = nameOf(thrown)
    assert.throws(() => decoder.next(), thrown as Error, 'an error is final')
  }
  const frames = payloads.map(([facts, payload]) => `${facts} ${payload.toString('hex')}`)
  return { frames, watched: notes.toStrings(), error, buffered: decoder.buffered }
}

function feed(decoder: FrameDecoder, piece: Buffer, shared: Buffer | undefined, offset: number): void {
  if (shared === undefined) {
    decoder.append(Buffer.from(piece))
    return
  }
  piece.copy(shared, offset)
  decoder.append(shared, offset, offset + piece.length)
}

function nameOf(thrown: unknown): string {
  if (!(thrown instanceof ProtocolError)) throw thrown
  return `${thrown.code} ${thrown.closeCode} ${thrown.message}`
}

/** A cut behind every byte. */
export const everywhere = (stream: Buffer): number[] => Array.from(stream.keys()).slice(1)
