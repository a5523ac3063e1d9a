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
  /** A case could not be judged, for a reason of our own: it has no result. */
  readonly onError: (agent: string, one: Case, error: unknown) => void
  /** A client says that it is done, and so are the cases that were being played. */
  readonly onDone: (agent: string) => void
  /** The page that a browser gets. */
  readonly page: () => string
}

/** Keys that are remembered, to see whether one comes again. */
const KEYS = 10_000

const DEFAULT_AGENT = 'client'

/** A server for clients under test; it is not listening yet. */
export function createCheckServer(options: ServeOptions): Server {
  const serving: Serving = { ...options, keys: new Set(), running: new Set() }
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    void welcome(socket, serving).catch(() => socket.destroy())
  })
}

interface Serving extends ServeOptions {
  readonly keys: Set<string>
  /** The cases that are being played. */
  readonly running: Set<Promise<void>>
}

async function welcome(socket: Socket, options: Serving): Promise<void> {
  const { keys } = options
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

async function answer(arrival: Arrival, { pathname, searchParams }: URL, options: Serving): Promise<void> {
  const { session, onDone, running } = options
  const agent = searchParams.get('agent') || DEFAULT_AGENT
  const one = caseOf(searchParams, session)
  switch (pathname) {
    case '/runCase':
      return one === undefined ? refuse(arrival) : run(arrival, one, agent, options)
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
      await Promise.all(running)
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

async function run(arrival: Arrival, one: Case, agent: string, options: Serving): Promise<void> {
  const running = judge(arrival, one, agent, options)
  options.running.add(running)
  await running
  options.running.delete(running)
}

/** Plays a case, and tells what came of it; it never rejects. */
async function judge(arrival: Arrival, one: Case, agent: string, options: Serving): Promise<void> {
  const { session, settings, onResult, onError } = options
  try {
    const result = await runCase(one, { open: (context) => openAsServer(arrival, context) }, settings)
    session.add(agent, result)
    onResult(agent, result)
  } catch (error) {
    arrival.socket.destroy()
    onError(agent, one, error)
  }
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
