import type { FrameSpec } from './case.js'
import type { Head, HeaderEdit } from './http-head.js'
import type { Behavior } from './verdict.js'

/** An opening handshake that is not the usual one: our request where a server is tested, else our answer. */
export interface Opening {
  /** Instead of the usual first line. */
  readonly line?: (path: string) => string
  /** On top of the usual headers, or in their place. */
  readonly headers?: HeaderEdit
  /** All of the bytes, instead of the usual ones. */
  readonly raw?: (usual: Buffer) => Buffer
  /** Sent in pieces of so many bytes. */
  readonly pieces?: number
  /** Frames that go out in the same packet, right behind the head. */
  readonly behind?: readonly FrameSpec[]
  /** Ends our direction of TCP behind it. */
  readonly ends?: boolean
  /** What the other side must do about it; `any` takes both, as long as it does one of them. */
  readonly expects: 'accepted' | 'refused' | 'any'
  /** What it comes to when it does the other; default FAILED. */
  readonly otherwise?: Behavior
  /** Finds fault with the head that the other side sent, whatever it decided. */
  readonly check?: (head: Head, earlierKeys: ReadonlySet<string>) => string | undefined
  /** Afterwards another connection must work as if nothing had happened. */
  readonly harmless?: boolean
}
