/** Opens connections to a server under test. */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { acceptFor, createHandshakeKey, encodeFrame } from '../../frame/index.js'
import type { WireLog } from '../wire-log.js'
import type { Case } from './case.js'
import { type Agreement, agreeAsClient, offerHeader } from './deflate.js'
import { frameOf } from './frames.js'
import { type HeadRead, readHead } from './head-reader.js'
import {
  edited,
  encodeHead,
  type Head,
  type HeaderEdit,
  putIn,
  statusOf,
  tokensOf,
  valuesOf,
} from './http-head.js'
import { Link } from './link.js'
import type { Opening } from './opening.js'
import type { Opened } from './run-case.js'
import type { Settings } from './settings.js'
import { CaseFailure, type Verdict } from './verdict.js'

/** The server under test. */
export interface Target {
  readonly url: URL
  readonly headers: HeaderEdit
  readonly tls: ConnectionOptions
  /** Ends every connection. */
  readonly signal: AbortSignal
}

/** What opening needs to know, on either side. */
export interface OpenContext {
  readonly one: Case
  readonly log: WireLog
  readonly verdict: Verdict
  readonly settings: Settings
}

const EXTENSIONS = 'sec-websocket-extensions'
const NO_KEYS: ReadonlySet<string> = new Set()
const USUAL: Opening = { expects: 'accepted' }

/** Opens a connection as a case wants it; undefined when that was refused, as it had to be. */
export async function openAsClient(target: Target, context: OpenContext): Promise<Opened | undefined> {
  const { one, log, settings } = context
  const opening = one.opening ?? USUAL
  const key = createHandshakeKey()
  const socket = await connect(target, settings.timeout)
  try {
    await writeHead(socket, requestHead(target, opening, key, one), opening, 'client', log)
    const read = await readHead(socket, settings.timeout)
    if (read.kind !== 'head' || statusOf(read.head) !== 101) {
      judgeRefusal(read, opening, context)
      socket.destroy()
      return undefined
    }
    const agreement = judgeAnswer(read.head, key, edited(target.headers, opening.headers), context)
    const link = new Link(socket, 'client', log, agreement)
    link.feed(read.rest)
    return { link, agreement }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Connects to a server; rejects with a `CaseFailure` when there is none. */
export async function connect({ url, tls, signal }: Target, timeout: number): Promise<Socket> {
  const secure = url.protocol === 'wss:' || url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (secure ? 443 : 80)
  const options = { host, port, allowHalfOpen: true, noDelay: true }
  const socket = secure
    ? connectTls({ ...options, servername: isIP(host) === 0 ? host : '', ...tls })
    : connectTcp(options)
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(new CaseFailure(`Cannot connect to ${host}:${port}: ${why}`))
    }
    const timer = setTimeout(() => fail(`no answer for ${timeout} ms`), timeout)
    const giveUp = (): void => fail('it was given up')
    signal.addEventListener('abort', giveUp)
    socket.once('close', () => signal.removeEventListener('abort', giveUp))
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      resolve()
    })
    if (signal.aborted) giveUp()
  })
  return socket
}

function requestHead(target: Target, opening: Opening, key: string, one: Case): Buffer {
  const path = `${target.url.pathname}${target.url.search}`
  const usual: HeaderEdit = {
    Host: target.url.host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Version': '13',
    ...(one.deflate && { 'Sec-WebSocket-Extensions': offerHeader(one.deflate) }),
  }
  const fields = edited(edited(usual, target.headers), opening.headers)
  return encodeHead(opening.line?.(path) ?? `GET ${path} HTTP/1.1`, fields)
}

/** Sends our half of a handshake as the case wants it. */
export async function writeHead(
  socket: Socket,
  usual: Buffer,
  opening: Opening,
  role: 'client' | 'server',
  log: WireLog,
): Promise<void> {
  const head = opening.raw?.(usual) ?? usual
  log.note(firstLines(head), 'sent')
  const behind = (opening.behind ?? []).map((spec) => frameOf(spec, role))
  for (const frame of behind) log.frame('sent', frame)
  const bytes = Buffer.concat([head, ...behind.map(encodeFrame)])
  const size = opening.pieces ?? bytes.length
  for (let at = 0; at < bytes.length && socket.writable; at += size) {
    socket.write(bytes.subarray(at, at + size))
    if (size < bytes.length) await turn()
  }
  if (opening.ends === true) socket.end()
}

const firstLines = (head: Buffer): string => {
  const shown = head.toString('latin1', 0, 1000).trimEnd()
  return head.length > 1000 ? `${shown}… (${head.length} bytes)` : shown
}

export const headText = ({ line, fields }: Head): string =>
  [line, ...fields.map(([name, value]) => `${name}: ${value}`)].join('\r\n')

/** The server did not open: is that right? */
function judgeRefusal(read: HeadRead, opening: Opening, { log, verdict }: OpenContext): void {
  if (read.kind === 'silence') throw new CaseFailure('The handshake has no answer')
  const what = read.kind === 'head' ? `answered '${read.head.line}'` : `${read.how} without an answer`
  log.note(read.kind === 'head' ? headText(read.head) : read.how, 'received')
  if (opening.expects === 'accepted') {
    const behavior = opening.otherwise ?? 'FAILED'
    if (behavior === 'FAILED') throw new CaseFailure(`The handshake is right, but the server ${what}`)
    verdict.lower(behavior, `The server ${what}`)
  } else if (read.kind === 'ended') {
    verdict.lower('NON-STRICT', `The server ${what}: it should send an HTTP error (RFC 6455 §4.2.1)`)
  } else {
    const wrong = opening.check?.(read.head, NO_KEYS)
    if (wrong !== undefined) throw new CaseFailure(wrong)
    if (statusOf(read.head) < 400) verdict.lower('NON-STRICT', `The server ${what}, which is no error`)
  }
}

/** The server says that it opened: is that right, and did it say so as it has to (§4.2.2)? */
function judgeAnswer(
  head: Head,
  key: string,
  asked: HeaderEdit,
  { one, log, verdict }: OpenContext,
): Agreement | undefined {
  log.note(headText(head), 'received')
  const opening = one.opening ?? USUAL
  const wrong = answerFault(head, key, asked) ?? opening.check?.(head, NO_KEYS)
  if (wrong !== undefined) throw new CaseFailure(wrong)
  if (opening.expects === 'refused') {
    const behavior = opening.otherwise ?? 'FAILED'
    if (behavior === 'FAILED') throw new CaseFailure('The server accepted a handshake that it must refuse')
    verdict.lower(behavior, 'The server accepted a handshake that it should refuse')
  }
  const offer = one.deflate
  const agreement = offer === undefined ? undefined : agreeAsClient(head, offer)
  if (typeof agreement === 'string') throw new CaseFailure(`The server ${agreement} (RFC 7692 §7.1)`)
  const [extensions, offered] = [valuesOf(head, EXTENSIONS), putIn(asked, EXTENSIONS)]
  if (agreement === undefined && extensions.length > 0 && offered.length === 0)
    throw new CaseFailure('The server uses an extension that was not offered (RFC 6455 §4.1)')
  return agreement
}

/** What is wrong with a server's answer. */
function answerFault(head: Head, key: string, asked: HeaderEdit): string | undefined {
  const accepts = valuesOf(head, 'sec-websocket-accept')
  const protocols = valuesOf(head, 'sec-websocket-protocol')
  const offered = putIn(asked, 'sec-websocket-protocol')
    .flatMap((list) => list.split(','))
    .map((one) => one.trim())
  const [usedKey = key] = putIn(asked, 'sec-websocket-key')
  if (!head.line.startsWith('HTTP/1.1 ')) return `The answer is '${head.line}', not HTTP/1.1`
  if (valuesOf(head, 'upgrade').join().toLowerCase() !== 'websocket')
    return 'The answer does not upgrade to websocket'
  if (!tokensOf(head, 'connection').includes('upgrade')) return 'The answer has no Connection: Upgrade'
  if (accepts.length !== 1 || accepts[0] !== acceptFor(usedKey)) return 'Sec-WebSocket-Accept is wrong'
  if (protocols.length > 1) return 'The answer has two subprotocols'
  if (protocols.some((one) => !offered.includes(one)))
    return 'The server chose a subprotocol that was not offered'
  return undefined
}
