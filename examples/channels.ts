// One task is told of every connect, message and disconnect through a channel. As it alone keeps the list of who is
// here, and takes one event after the other, that list needs no locks and is never half changed.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, upgrade } from 'fastws'

type Event =
  | { readonly type: 'connect'; readonly conn: Conn }
  | { readonly type: 'message'; readonly conn: Conn; readonly text: string }
  | { readonly type: 'disconnect'; readonly conn: Conn }

/** An unbounded queue with one reader. */
class Channel<T> {
  readonly #waiting: T[] = []
  #wake: () => void = () => undefined

  put(value: T) {
    this.#waiting.push(value)
    this.#wake()
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift() as T
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function keepPresence(events: Channel<Event>) {
  const names = new Map<Conn, string>()
  let guests = 0
  const tellAll = (text: string) => {
    for (const conn of names.keys()) void conn.send(text)
  }
  for await (const event of events) {
    const name = names.get(event.conn) ?? `guest ${++guests}`
    if (event.type === 'connect') names.set(event.conn, name)
    if (event.type === 'disconnect') names.delete(event.conn)
    if (event.type === 'message') tellAll(`${name}: ${event.text}`)
    else tellAll(`${name} ${event.type}s, here: ${[...names.values()].join(', ')}`)
  }
}

export async function start(port: number) {
  const events = new Channel<Event>()
  keepPresence(events).catch(console.error)
  const door = upgrade({
    open: (conn) => events.put({ type: 'connect', conn }),
    message: (conn, message) => events.put({ type: 'message', conn, text: message.text() }),
    close: (conn) => events.put({ type: 'disconnect', conn }),
  })
  const server = createServer(door).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(
    `Keeps presence on ${url}. Try, in some terminals: node dist/examples/echo-client.js --url ${url}`,
  )
}
