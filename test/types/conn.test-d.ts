// Compiled, never run: what the declarations promise of a connection, its messages and its errors, and what they refuse.
import {
  type BroadcastCounts,
  broadcast,
  CloseError,
  type CloseReport,
  Conn,
  type DiagnosticsEvents,
  type ErrorCode,
  type Extension,
  type ExtensionCodec,
  type Frame,
  HandshakeError,
  type Message,
  type MessageReader,
  type MessageWriter,
  type Prepared,
  ProtocolError,
  pair,
  prepare,
  Rsv,
  WebSocketError,
} from 'fastws'
import type { Equal, Expect } from './equal.js'

type Returned<Name extends keyof Conn> = Conn[Name] extends (...args: never[]) => infer Result
  ? Result
  : never

export type Reading = [
  Expect<Equal<Returned<'read'>, Promise<Message | null>>>,
  Expect<Equal<Returned<'nextFrame'>, Promise<Frame | null>>>,
  Expect<Equal<Returned<'readFrame'>, Promise<boolean>>>,
  Expect<Equal<Returned<'reader'>, Promise<MessageReader | null>>>,
  Expect<Equal<ReturnType<MessageReader['read']>, Promise<Buffer | null>>>,
]

export type Writing = [
  Expect<Equal<Returned<'send'>, Promise<void>>>,
  Expect<Equal<ReturnType<typeof prepare>, Prepared>>,
  Expect<Equal<Awaited<ReturnType<typeof broadcast>>, BroadcastCounts>>,
  Expect<Equal<ReturnType<typeof broadcast>['skipped'], number>>,
  Expect<Equal<Returned<'writer'>, MessageWriter>>,
  Expect<Equal<Returned<'writeFrame'>, Promise<void>>>,
  Expect<Equal<Returned<'ping'>, Promise<number>>>,
  Expect<Equal<Returned<'pong'>, Promise<void>>>,
  Expect<Equal<Returned<'drained'>, Promise<void>>>,
]

export type Ending = [
  Expect<Equal<Returned<'close'>, Promise<CloseReport>>>,
  Expect<Equal<Returned<'terminate'>, void>>,
  Expect<Equal<Conn['closed'], Promise<CloseReport>>>,
  Expect<Equal<Conn['closeInfo'], CloseReport | undefined>>,
  Expect<Equal<Conn['signal'], AbortSignal>>,
  Expect<Equal<Conn['isOpen'], boolean>>,
  Expect<Equal<CloseReport['initiator'], 'local' | 'remote'>>,
]

export type Values = [
  Expect<Equal<Conn['data'], unknown>>,
  Expect<Equal<Conn<number>['data'], number>>,
  Expect<Equal<Conn['protocol'], string>>,
  Expect<Equal<Conn['extensions'], readonly string[]>>,
  Expect<Equal<Message['isText'], boolean>>,
  Expect<Equal<Message['data'], Buffer>>,
  Expect<Equal<ReturnType<Message['text']>, string>>,
  Expect<Equal<ReturnType<typeof pair>, { client: Conn; server: Conn }>>,
]

export type Errors = [
  Expect<Equal<WebSocketError['code'], ErrorCode | number>>,
  Expect<Equal<CloseError['code'], number>>,
  Expect<Equal<CloseError['report'], CloseReport>>,
  Expect<Equal<ProtocolError['code'], ErrorCode>>,
  Expect<Equal<ProtocolError['closeCode'], number>>,
  Expect<Equal<HandshakeError['status'], number | undefined>>,
]

/** Messages say what is in them when they are asked with a type. */
export async function read(conn: Conn): Promise<number> {
  for await (const message of conn) {
    const typed = message.json<{ a: number }>()
    const untyped = message.json()
    type Bodies = [Expect<Equal<typeof typed, { a: number }>>, Expect<Equal<typeof untyped, unknown>>]
    const kept: Message = message.keep()
    return typed.a + kept.length + ([] as unknown as Bodies).length
  }
  const { signal } = new AbortController()
  await conn.read({ signal })
  // @ts-expect-error: there may be no message any more
  return (await conn.read()).length
}

/** Frames and connections give themselves back. */
export async function dispose(opened: Promise<Conn>): Promise<void> {
  await using conn = await opened
  using frame = await conn.nextFrame()
  if (frame !== null) await conn.writeFrame(frame, { check: false })
  await using writer = conn.writer('text', { compress: true })
  await writer.end('text')
}

export async function send(conn: Conn, parts: AsyncIterable<string>): Promise<number> {
  await conn.send('text', { compress: false })
  await conn.send(new Uint8Array(2), { text: true })
  await conn.send(parts)
  await conn.pong('payload')
  const report = await conn.close(4000, 'reason')
  return (await conn.ping(Buffer.alloc(2))) + report.code
}

/** An error is told apart by its class, and by `code`. */
export function explain(error: unknown): number | string | undefined {
  if (error instanceof CloseError) return error.code + error.report.code
  if (error instanceof HandshakeError) return error.status ?? error.body.length
  if (error instanceof ProtocolError) return error.closeCode
  if (!(error instanceof WebSocketError)) return undefined
  // @ts-expect-error: there is no such code
  if (error.code === 'WS_ERR_UTF_8') return undefined
  const { code } = error
  if (typeof code === 'number') return code
  if (code !== 'WS_ERR_STATE') return code
  const state: 'WS_ERR_STATE' = code
  return state
}

/** What an extension has to have, and what it may have. */
export const extensions: readonly Extension[] = [
  { name: 'least', start: () => ({}) },
  {
    name: 'most',
    rsv: Rsv.Rsv1,
    offer: () => [[['a', undefined]], []],
    accept: (offers) => offers[0],
    start(params, role): ExtensionCodec {
      type Given = [Expect<Equal<typeof role, 'server' | 'client'>>]
      const names: Given['length'] | string[] = params.map(([name]) => name)
      return {
        decode: async (frame, limit) => void [frame.payload, limit, names],
        encode(frame, hints) {
          if (hints.compress === true) frame.rsv1 = true
        },
        close: () => undefined,
      }
    },
  },
]

export function misuse(conn: Conn, frame: Frame, ...[stream]: Parameters<typeof Conn.over>): void {
  // @ts-expect-error: text, bytes, a message or a stream
  void conn.send(5)
  // @ts-expect-error: a stream of text or bytes
  void conn.send((async function* () {})() as AsyncIterable<number>)
  // @ts-expect-error: options are checked by name
  void conn.send('text', { compres: true })
  // @ts-expect-error: a code is a number
  void conn.close('1000')
  // @ts-expect-error: text or bytes
  void conn.ping(5)
  // @ts-expect-error: there are two kinds of messages
  conn.writer('json')
  // @ts-expect-error: a frame, not its bytes
  void conn.writeFrame(frame.payload)
  // @ts-expect-error: reads into a frame
  void conn.readFrame()
  // @ts-expect-error: a signal, not its controller
  void conn.read({ signal: new AbortController() })
  // @ts-expect-error: made by upgrade(), dial(), Conn.over() and pair()
  new Conn()
  // @ts-expect-error: known to the connection only
  conn.closeInfo = undefined
  // @ts-expect-error: there are two roles
  Conn.over(stream, { role: 'proxy' })
  // @ts-expect-error: the role has to be told
  Conn.over(stream, {})
  // @ts-expect-error: options are checked by name
  pair({ maxPayload: 1 })
  // @ts-expect-error: an extension has a name
  pair({ extensions: [{ start: () => ({}) }] })
}

export function tellEverybody(
  users: ReadonlySet<Conn<{ name: string }>>,
  speaker: Conn<{ name: string }>,
): void {
  void broadcast(users, prepare('x'), { except: speaker, slow: 'close' })
  // @ts-expect-error: a stream goes to one connection only
  void broadcast(users, (async function* () {})())
  // @ts-expect-error: there is no such policy
  void broadcast(users, 'x', { slow: 'drop' })
  // @ts-expect-error: the bytes are not given back, others may be sending them
  Buffer.from(prepare('x').data)
}

export function watchConn(conn: Conn): () => void {
  const event = {} as DiagnosticsEvents['fastws:frame']
  const direction: 'in' | 'out' = event.direction
  void direction
  const { report } = {} as DiagnosticsEvents['fastws:close']
  void report.code
  const failed = {} as DiagnosticsEvents['fastws:handshake:error']
  const status: number | undefined = failed.status
  void status
  // @ts-expect-error: there is no such channel
  type Nothing = DiagnosticsEvents['fastws:nothing']
  void ({} as Nothing)
  // @ts-expect-error: counted by the connection only
  conn.stats.framesIn = 0
  return conn.tap((seen) => {
    if (seen.kind === 'frame') return void seen.frame.opcode
    void [seen.plainLength, seen.codedLength]
    // @ts-expect-error: it tells of no frame
    void seen.frame
  })
}
