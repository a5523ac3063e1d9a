/** What a server has used so far. */
export interface Usage {
  /** Processor time in microseconds. */
  readonly cpu: number
  /** When this was asked, in milliseconds on the server's own clock. */
  readonly at: number
  /** Memory in bytes: resident, and at its highest. */
  readonly rss: number
  readonly peak: number
  /** What JavaScript holds, buffers included; 0 where it cannot be asked. */
  readonly heap: number
  /** Resident memory of V8's young generation: it grows once, to the same for everybody, however many connections. */
  readonly young: number
}
