/** What a compressor is made of. */
export interface DeflaterSettings {
  /** The LZ77 window is 2^windowBits bytes: nothing refers further back. */
  readonly windowBits: number
  readonly level: number
  readonly memLevel: number
}

/**
 * One compressor with its context. One call at a time: while a promise is out, only `close()` may be called. What is
 * not a promise lies in memory that the next call of any engine uses again.
 */
export interface Deflater {
  /** Compresses `bytes[start, end)` and flushes to a byte boundary: what comes out ends with 00 00 ff ff, or is empty. */
  deflate(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer>
  /** Forgets the context: nothing that follows refers to what was before. */
  reset(): void
  /** Frees it; a promise that is out rejects. */
  close(): void
}

/** One decompressor with its context; the same rules hold. It is broken once it has thrown. */
export interface Inflater {
  /**
   * Inflates `bytes[start, end)`, and with `isLast` the 00 00 ff ff that end a message (RFC 7692 §7.2.2). `check` is
   * told how much has come of it so far, and throws when that is too much: before more memory is spent.
   */
  inflate(
    bytes: Buffer,
    start: number,
    end: number,
    isLast: boolean,
    check: (length: number) => void,
  ): Buffer | Promise<Buffer>
  reset(): void
  close(): void
}

/** Where engines come from. */
export interface Engines {
  /** `isShared`: it serves many connections in turn, and may have larger buffers. */
  deflater(settings: DeflaterSettings, isShared: boolean): Deflater
  inflater(windowBits: number, isShared: boolean): Inflater
}
