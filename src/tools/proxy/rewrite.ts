import type { Target } from './endpoint.js'

const END = '\r\n\r\n'
/** A head that is longer goes through as it is. */
const LONGEST = 64 << 10

/** Puts the target into `Host` and `Origin` of the first request of a connection; every other byte stays as it is. */
export class Rewriter {
  readonly #target: Target
  #held: Buffer | undefined = Buffer.alloc(0)

  constructor(target: Target) {
    this.#target = target
  }

  /** The bytes to pass on instead of these; none while the head is not whole. */
  push(chunk: Buffer): Buffer {
    if (this.#held === undefined) return chunk
    const held = Buffer.concat([this.#held, chunk])
    const end = held.indexOf(END)
    if (end < 0 && held.length <= LONGEST) {
      this.#held = held
      return Buffer.alloc(0)
    }
    this.#held = undefined
    if (end < 0) return held
    return Buffer.concat([
      Buffer.from(this.#rewrite(held.toString('latin1', 0, end)), 'latin1'),
      held.subarray(end),
    ])
  }

  /** What is held back when the client ends before its head does. */
  flush(): Buffer {
    const held = this.#held ?? Buffer.alloc(0)
    this.#held = undefined
    return held
  }

  #rewrite(head: string): string {
    const { authority, isSecure } = this.#target
    return head
      .split('\r\n')
      .map((line) => {
        const name = line.slice(0, line.indexOf(':') + 1).toLowerCase()
        if (name === 'host:') return `Host: ${authority}`
        return name === 'origin:' ? `Origin: ${isSecure ? 'https' : 'http'}://${authority}` : line
      })
      .join('\r\n')
  }
}
