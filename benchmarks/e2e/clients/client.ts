// What the client programs have in common: they keep messages in flight, and tell how many came back.

import { answer } from '../rpc.js'
import { usage } from '../servers/serve.js'
import { textOf } from '../wire.js'

export interface ClientShape {
  readonly connections: number
  readonly size: number
  readonly inFlight: number
}

export interface ClientJob {
  readonly shape: ClientShape
  readonly port: number
}

/** Of the messages that come in, one in so many is compared. */
const CHECK_EVERY = 1024

/** Counts what comes in, and compares some. */
export class Count {
  readonly text: string
  messages = 0
  checked = 0
  failure: Error | undefined

  constructor(size: number) {
    this.text = textOf(size).toString()
  }

  /** Is called for each message; `text` reads it. */
  add(text: () => string): void {
    if (this.messages++ % CHECK_EVERY !== 0) return
    this.checked++
    if (text() !== this.text) this.fail(new Error('A message came back wrong'))
  }

  fail(error: Error): void {
    this.failure ??= error
  }
}

/** Opens a connection that sends a message for each that comes back; resolves with what sends the first one. */
export type OpenClient = (url: string, count: Count) => Promise<() => void>

/** Makes a program of a client. */
export function runClient(open: OpenClient): void {
  let count = new Count(0)
  answer({
    start: async ({ shape, port }: ClientJob) => {
      count = new Count(shape.size)
      const url = `ws://127.0.0.1:${port}`
      const sends = []
      for (let i = 0; i < shape.connections; i++) sends.push(await open(url, count))
      // All of them are open: no handshake had to wait behind the messages of others.
      for (const send of sends) for (let i = 0; i < shape.inFlight; i++) send()
    },
    usage: () => {
      if (count.failure !== undefined) throw count.failure
      return { ...usage(), messages: count.messages, checked: count.checked }
    },
  })
}
