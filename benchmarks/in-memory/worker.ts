/** One client's end of something that reads or writes frames. */
export interface MemoryWorker {
  /** Reads or writes so many messages; a promise where that takes a turn. */
  work(messages: number): void | Promise<void>
  /** How many messages it has seen so far. */
  readonly count: number
}

/** Makes one, for messages of so many bytes. */
export type MakeWorker = (size: number) => MemoryWorker

/** Frames are given to a reader in chunks of about this many bytes, as from a socket. */
const CHUNK = 64 << 10

/** How many frames of a size come at a time. */
export const framesInChunk = (frame: Buffer): number => Math.max(1, Math.floor(CHUNK / frame.length))

const rows = new Map<Buffer, Buffer>()

/**
 * Frames in a row, so many that a reader gets them at a time. Readers unmask in place, so that a payload is masked and
 * unmasked by turns; it is binary, nobody minds, and nothing has to be copied while the time is taken.
 */
export function rowOfFrames(frame: Buffer): Buffer {
  let row = rows.get(frame)
  if (row === undefined) {
    row = Buffer.concat(Array(framesInChunk(frame)).fill(frame))
    rows.set(frame, row)
  }
  return row
}
