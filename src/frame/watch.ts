/** Somebody who follows the frames while they are decoded, piece by piece. Whatever it throws stops the decoding. */
export interface FrameWatch {
  /** A header came in and kept to the rules; nothing has been spent on its payload yet. */
  header(head: number, length: number): void
  /** Payload bytes came in, unmasked; `seen` is what `mask()` returned. An empty payload is one empty piece. */
  payload(head: number, bytes: Buffer, start: number, end: number, seen: number): void
}
