// Compiled, never run: what the declarations promise of upgrade() and dial(), and what they refuse.
import { createServer, type IncomingMessage } from 'node:http'
import {
  type CloseReport,
  type Conn,
  type DialOptions,
  dial,
  type EventHandler,
  type Message,
  reject,
  type Upgrade,
  type UpgradeOptions,
  upgrade,
} from 'fastws'
import type { Equal, Expect } from './equal.js'

interface User {
  readonly name: string
}

/** What `accept` gives is what the handler finds in `conn.data`. */
export const typed: Upgrade<User> = upgrade<User>(
  async (conn, request) => {
    type Given = [
      Expect<Equal<typeof conn, Conn<User>>>,
      Expect<Equal<typeof conn.data, User>>,
      Expect<Equal<typeof request, IncomingMessage>>,
    ]
    const given: Given['length'] = 3
    await conn.send(`${conn.data.name} ${given}`)
  },
  {
    path: (request) => request.url === '/',
    origins: ['https://example.com'],
    protocols: (offered) => offered[0],
    accept: async (request, offer) => {
      if (request.headers.authorization === undefined) return reject(401)
      return { data: { name: offer.key }, protocol: offer.protocols[0], headers: { A: 'b' } }
    },
    onError: (error, { conn }) => void [error.message, conn?.data.name],
  },
)

/** The type of the data can be taken from the handler alone. */
export const inferred = upgrade((conn: Conn<User>) => void conn.data.name)

/** Events in an object know their arguments. */
export const events: Upgrade<User> = upgrade<User>({
  open: (conn, request) => void [conn.data.name, request?.url],
  message(conn, message) {
    type Given = [Expect<Equal<typeof conn, Conn<User>>>, Expect<Equal<typeof message, Message>>]
    const given: Given['length'] = 2
    return conn.send(message.text().slice(given))
  },
  ping: (_conn, payload) => void payload.length,
  drain: (conn) => void conn.bufferedAmount,
  close: (_conn, report) => void report.code,
  error: (_conn, error) => void error.message,
})

export type Upgraded = [
  Expect<Equal<typeof inferred, Upgrade<User>>>,
  Expect<Equal<(typeof typed)['conns'], ReadonlySet<Conn<User>>>>,
  Expect<Equal<ReturnType<(typeof typed)['close']>, Promise<void>>>,
]

/** Everything a server can do with it. */
export function serve(): Promise<void> {
  const server = createServer(typed)
  server.on('upgrade', events)
  const same: Upgrade<User> = typed.attach(server)
  return same.close({ code: 1001, reason: 'bye', timeout: 1000 })
}

const opened = dial<User>('ws://localhost', { data: { name: 'a' } })
const retrying = dial.retrying<User>(new URL('ws://localhost'), { initialDelay: 5, maxAttempts: 2 })

export type Dialed = [
  Expect<Equal<typeof opened, Promise<Conn<User>>>>,
  Expect<Equal<ReturnType<typeof dial>, Promise<Conn>>>,
  Expect<Equal<typeof retrying, AsyncGenerator<Conn<User>, void, undefined>>>,
  Expect<Equal<DialOptions<User>['data'], User | undefined>>,
  Expect<Equal<DialOptions<User>['events'], EventHandler<User> | undefined>>,
]

export async function use(signal: AbortSignal): Promise<string | undefined> {
  await using conn = await dial<User>('wss://localhost', {
    protocols: ['a', 'b'],
    headers: { Authorization: 'x' },
    tls: { servername: 'example.com' },
    connect: { family: 6 },
    proxy: { url: 'http://localhost:8080' },
    followRedirects: 2,
    timeout: 0,
    signal,
    onRequest({ headers }) {
      headers.a = 'b'
    },
    onResponse: ({ status }) => void status,
    keepalive: { interval: 5 },
    events: { close: ({ data }, report: CloseReport) => void [data.name, report.reason] },
  })
  for await (const next of dial.retrying<User>('ws://localhost')) return next.data.name
  return conn.data.name
}

export function misuse(server: unknown): void {
  // @ts-expect-error: a handler takes a connection
  upgrade((conn: string) => conn)
  // @ts-expect-error: the data of the connection are of one type
  upgrade<User>((conn: Conn<number>) => void conn.data)
  // @ts-expect-error: accept gives the data that the handler takes
  upgrade<User>(() => undefined, { accept: () => ({ data: 5 }) })
  // @ts-expect-error: there is no such event
  upgrade({ mesage: () => undefined })
  // @ts-expect-error: options are checked by name
  upgrade(() => undefined, { maxPayload: 1 })
  // @ts-expect-error: a handler is needed
  upgrade()
  // @ts-expect-error: what attach() takes is a server
  typed.attach(server)
  // @ts-expect-error: options are checked by name
  void typed.close({ tmeout: 1 })
  // @ts-expect-error: the connections come and go by themselves
  typed.conns.clear()
  // @ts-expect-error: counted by the server only
  typed.stats.open = 0
  // @ts-expect-error: a status is a number
  reject('401')
  // @ts-expect-error: options are checked by name
  void dial('ws://localhost', { handshakeTimeout: 1 })
  // @ts-expect-error: headers have names
  void dial('ws://localhost', { headers: 'a: b' })
  // @ts-expect-error: an address is needed
  void dial()
  // @ts-expect-error: a stream can be used once only
  void dial.retrying('ws://localhost', { socket: server })
  // @ts-expect-error: options cannot be changed
  ;(({}) as UpgradeOptions).path = '/'
}
