/**
 * Tests clients. They come as they come to the Autobahn test suite: `/getCaseCount` tells in a message how many cases
 * there are, `/runCase?case=1&agent=name` plays one, `/updateReports?agent=name` says that this was all. There are
 * `/getCaseInfo`, `/getCaseStatus` and `/stopServer` too.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { type Case, close, closed, send, text } from './case.js'
import { readHead } from './head-reader.js'
import { encodeHead, tokensOf, valuesOf } from './http-head.js'
import { type Arrival, openAsServer } from './open-server.js'
import { runCase } from './run-case.js'
import type { Session } from './session.js'
import type { Settings } from './settings.js'
import type { CaseResult } from './verdict.js'

export interface ServeOptions {
  readonly session: Session
  readonly settings: Settings
  readonly onResult: (agent: string, result: CaseResult) => void
  /** A client says that it is done. */
  readonly onDone: (agent: string) => void
  /** The page that a browser gets. */
  readonly page: () => string
}

/** Keys that are remembered, to see whether one comes again. */
const KEYS = 10_000

const DEFAULT_AGENT = 'client'

/** A server for clients under test; it is not listening yet. */
export function createCheckServer(options: ServeOptions): Server {
  const keys = new Set<string>()
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    void welcome(socket, keys, options).catch(() => socket.destroy())
  })
}

async function welcome(socket: Socket, keys: Set<string>, options: ServeOptions): Promise<void> {
  const read = await readHead(socket, options.settings.timeout)
  if (read.kind !== 'head') {
    socket.destroy()
    return
  }
  const arrival: Arrival = { socket, request: read.head, rest: read.rest, earlierKeys: new Set(keys) }
  const [key] = valuesOf(read.head, 'sec-websocket-key')
  if (key !== undefined && keys.size < KEYS) keys.add(key)
  const url = new URL(read.head.line.split(' ')[1] ?? '/', 'http://localhost')
  if (!tokensOf(read.head, 'upgrade').includes('websocket')) answerPage(socket, url, options)
  else await answer(arrival, url, options)
}

function answerPage(socket: Socket, url: URL, { page }: ServeOptions): void {
  const found = url.pathname === '/'
  const body = Buffer.from(found ? page() : 'There is nothing here: see / for the report\n')
  const head = encodeHead(found ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 404 Not Found', {
    'Content-Type': found ? 'text/html; charset=utf-8' : 'text/plain',
    'Content-Length': String(body.length),
    Connection: 'close',
  })
  socket.end(Buffer.concat([head, body]))
  socket.resume()
}

async function answer(
  arrival: Arrival,
  { pathname, searchParams }: URL,
  options: ServeOptions,
): Promise<void> {
  const { session, onDone } = options
  const agent = searchParams.get('agent') || DEFAULT_AGENT
  const one = caseOf(searchParams, session)
  switch (pathname) {
    case '/runCase':
      return one === undefined ? refuse(arrival) : runFor(arrival, one, agent, options)
    case '/getCaseCount':
      return tell(arrival, String(session.cases.length), options)
    case '/getCaseInfo':
      return tell(arrival, JSON.stringify({ id: one?.id, description: one?.description }), options)
    case '/getCaseStatus':
      return tell(
        arrival,
        JSON.stringify({ behavior: session.result(agent, one?.id ?? '')?.behavior }),
        options,
      )
    case '/updateReports':
    case '/stopServer':
      await tell(arrival, undefined, options)
      return onDone(agent)
    default:
      return refuse(arrival)
  }
}

/** Cases are called by their place in the list, from 1, or by their number. */
function caseOf(params: URLSearchParams, { cases }: Session): Case | undefined {
  const tuple = params.get('casetuple')
  return tuple === null ? cases[Number(params.get('case')) - 1] : cases.find(({ id }) => id === tuple)
}

async function runFor(arrival: Arrival, one: Case, agent: string, options: ServeOptions): Promise<void> {
  const result = await runCase(one, { open: (context) => openAsServer(arrival, context) }, options.settings)
  options.session.add(agent, result)
  options.onResult(agent, result)
}

function refuse({ socket }: Arrival): void {
  socket.end(encodeHead('HTTP/1.1 404 Not Found', { 'Content-Length': '0', Connection: 'close' }))
  socket.resume()
}

/** Says something, if there is something to say, and closes. */
async function tell(arrival: Arrival, words: string | undefined, { settings }: ServeOptions): Promise<void> {
  const steps = [...(words === undefined ? [] : [send(text(words))]), send(close()), closed([1000])]
  await runCase(
    { id: '', description: '', steps },
    { open: (context) => openAsServer(arrival, context) },
    settings,
  )
}
