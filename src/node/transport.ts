/** What a transport tells the connection on top of it. */
export interface TransportEvents {
  /**
   * Bytes came in: `memory[start, end)`. The receiver may change them; the memory is used again as soon as it returns,
   * unless it is what `room()` gave.
   */
  bytes(memory: Buffer, start: number, end: number): void
  /** Where the next bytes had best be put, if the receiver has a place of its own for them. */
  room(): Buffer | undefined
  /** The peer sends no more (FIN): all bytes have been given before, though it may be paused. */
  ended(): void
  /** Everything handed to `write()` has left. Only called after a `write()` that returned false. */
  drained(): void
  /** It is over, in both directions. */
  closed(error: Error | undefined): void
}

/** Where a connection's bytes go and come from. */
export interface Transport {
  /** Begins to deliver events. */
  open(events: TransportEvents): void
  /**
   * Takes bytes; true when they have left, else `drained()` will be called. Where they cannot leave any more, it is not:
   * whoever sends in a loop has to wait, or he would never let it be told that the connection is gone.
   */
  write(bytes: Buffer): boolean
  /** The same for bytes in several pieces, which are left alone until they have left. */
  writeAll(pieces: readonly Buffer[]): boolean
  /** How long written memory has to be left alone: for ever, until the write has left, or for the call alone. */
  readonly keeps: 'for ever' | 'until it has left' | 'for the call'
  /** Bytes that were taken and have not left. */
  readonly pending: number
  /** Stops and starts the delivery of bytes. */
  pause(): void
  resume(): void
  /** Ends the sending direction (FIN) behind what was written. */
  end(): void
  /** Drops both directions at once. */
  destroy(): void
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}
