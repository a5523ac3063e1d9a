import { News } from '../news.js'
import type { DirectionFrame } from '../recording/direction.js'

/** A frame that came in, or the end of TCP. */
export type PeerEvent =
  | ({ readonly kind: 'frame' } & DirectionFrame)
  | { readonly kind: 'end'; readonly how: string }

/** What the other side does, in order, for those who wait for it. */
export class Peer {
  readonly #events: PeerEvent[] = []
  readonly #news = new News()
  #isHeard = true
  #end: PeerEvent | undefined
  #lastAt = performance.now()
  #closeReceived = false

  /** When anything came the last time. */
  get lastAt(): number {
    return this.#lastAt
  }
  get isOver(): boolean {
    return this.#end !== undefined
  }
  get closeReceived(): boolean {
    return this.#closeReceived
  }

  frame(frame: DirectionFrame): void {
    if (frame.frame.isClose) this.#closeReceived = true
    this.#push({ kind: 'frame', ...frame })
  }

  end(how: string): void {
    this.#end = { kind: 'end', how }
    this.#push(this.#end)
  }

  /** What came next; undefined when nothing comes for so long. Behind the end there is only the end. */
  async next(milliseconds: number): Promise<PeerEvent | undefined> {
    if (this.#events.length === 0) await this.news(milliseconds)
    return this.#events.shift() ?? this.#end
  }

  /** Puts back what was looked at. */
  putBack(event: PeerEvent): void {
    this.#events.unshift(event)
  }

  /** Resolves when something comes, or after so long; at once behind the end. */
  async news(milliseconds: number): Promise<void> {
    if (!this.isOver) await this.#news.within(milliseconds)
  }

  /** Nobody will ask what came: nothing of it is kept. */
  forget(): void {
    this.#isHeard = false
    this.#events.length = 0
  }

  #push(event: PeerEvent): void {
    this.#lastAt = performance.now()
    if (this.#isHeard) this.#events.push(event)
    this.#news.tell()
  }
}
