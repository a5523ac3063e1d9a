import { MAX_HEADER, sizeOfHeader } from './header.js'

/** A header that was cut on its way, put together again. */
export class CutHeader {
  readonly bytes = Buffer.alloc(MAX_HEADER)
  /** How much of it is there; 0 where nothing was cut. */
  length = 0

  /** Takes bytes of `chunk[at, end)` until it is whole; returns where it stopped. */
  take(chunk: Buffer, at: number, end: number): number {
    let from = at
    while (from < end && !this.isWhole) this.bytes[this.length++] = chunk[from++]!
    return from
  }

  get isWhole(): boolean {
    return this.length >= 2 && this.length === sizeOfHeader(this.bytes[1]!)
  }
}
