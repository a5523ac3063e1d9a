import { randomBytes } from 'node:crypto'
import { Frame } from '../../frame/index.js'
import { type Conn, type DialOptions, dial } from '../../index.js'
import type { FrameDirection } from '../annotate.js'
import { type Head, valuesOf } from '../check/http-head.js'
import { fieldsOf } from '../header-lines.js'
import type { Whole } from '../recording/events.js'
import type { Action, Script } from './script.js'
import { Waiter } from './waiter.js'

export interface PlaySettings {
  readonly url: string
  readonly dial: DialOptions
  /** How much faster than recorded; Infinity waits for nothing but answers. */
  readonly speed: number
  /** Milliseconds to wait for an answer that was recorded. */
  readonly patience: number
  /** Sends the recorded headers, too. */
  readonly sendsHeaders: boolean
  readonly signal: AbortSignal
  readonly onMessage: (conn: number, direction: FrameDirection, message: Whole) => void
}

/** Differences that are told of one connection. */
export const TOLD = 20

/** What came of it. */
export interface Played {
  readonly sent: number
  /** The messages that came; of those beyond what was recorded only the first, which are as many as are told of. */
  readonly received: readonly Whole[]
  /** How many came, those that are not kept included. */
  readonly count: number
  /** The code of the server's Close frame; undefined when there was none. */
  readonly closeCode: number | undefined
  /** What ended the connection, when it was no peaceful end. */
  readonly error: Error | undefined
}

/** Plays the client's side of one connection; rejects when the connection cannot be opened. */
export async function play(script: Script, settings: PlaySettings): Promise<Played> {
  const conn = await dial(urlOf(settings.url, script.request), dialOptionsFor(script, settings))
  const stop = (): void => conn.terminate()
  settings.signal.addEventListener('abort', stop)
  const waiter = new Waiter(settings.patience)
  const received: Whole[] = []
  let count = 0
  const reading = read(conn, (message) => {
    if (++count <= script.expected.length + TOLD) received.push(message)
    settings.onMessage(script.conn, 'received', message)
    waiter.arrived()
  }).finally(() => waiter.end())
  const sent = await act(conn, script, settings, waiter)
  await waiter.until(script.expected.length)
  // Where the server was the one to close, it is given the time to.
  if (script.closeCode !== undefined && !script.steps.some(({ action }) => action.kind === 'close'))
    await waiter.untilEnd()
  const report = await conn.close()
  const error = await reading
  settings.signal.removeEventListener('abort', stop)
  return { sent, received, count, closeCode: report.received?.code, error }
}

/** Resolves at the end, with what was wrong with it. */
async function read(conn: Conn, onMessage: (message: Whole) => void): Promise<Error | undefined> {
  try {
    for await (const { isText, data } of conn) onMessage({ isText, data })
    return undefined
  } catch (error) {
    return error as Error
  }
}

async function act(conn: Conn, script: Script, settings: PlaySettings, waiter: Waiter): Promise<number> {
  const begin = performance.now()
  let sent = 0
  for (const { action, at, after } of script.steps) {
    await waiter.until(after)
    await waiter.sleepUntil(begin + at / settings.speed)
    if (conn.signal.aborted) break
    await perform(conn, action).catch(() => undefined) // why it is over is told by the reading side
    const message = messageOf(action)
    if (message !== undefined) settings.onMessage(script.conn, 'sent', message)
    sent++
  }
  return sent
}

function perform(conn: Conn, action: Action): Promise<unknown> {
  switch (action.kind) {
    case 'message': {
      const { isText, data } = action.message
      return conn.send(data, { text: isText, compress: true })
    }
    case 'close':
      return conn.close(action.code, action.reason)
    case 'frame':
      return conn.writeFrame(maskedAnew(action.frame), { check: false })
  }
}

/** What is sent, as far as it is a message that can be shown. */
function messageOf(action: Action): Whole | undefined {
  if (action.kind === 'message') return action.message
  const frame = action.kind === 'frame' ? action.frame : undefined
  return frame?.fin && (frame.isText || frame.isBinary)
    ? { isText: frame.isText, data: frame.payload }
    : undefined
}

/** The frame, bit by bit, but for its masking key: that must be one that nobody can foresee (RFC 6455 §5.3). */
function maskedAnew(recorded: Frame): Frame {
  const frame = new Frame()
  recorded.copyTo(frame)
  if (frame.masked) frame.maskKey = randomBytes(4).readUInt32BE()
  return frame
}

/**
 * A URL without a path is completed by the one that was recorded. That is put into it piece by piece: `//elsewhere/` and
 * `/\\elsewhere/` would lead to another host if they were resolved, and the recording is not asked where to connect.
 */
function urlOf(given: string, request: Head | undefined): string {
  const url = new URL(given)
  const path = request?.line.split(' ')[1]
  if (url.pathname !== '/' || url.search !== '' || path === undefined || !path.startsWith('/')) return given
  const query = path.indexOf('?')
  url.pathname = query < 0 ? path : path.slice(0, query)
  url.search = query < 0 ? '' : path.slice(query)
  return url.href
}

/** What a handshake has of its own each time, or what is asked for by other means. */
const OWN = new Set(['host', 'connection', 'upgrade', 'content-length', 'transfer-encoding', 'expect'])

const isPlayed = (name: string): boolean => !OWN.has(name) && !name.startsWith('sec-websocket-')

function dialOptionsFor(
  { request, isCompressed }: Script,
  { dial, sendsHeaders, signal }: PlaySettings,
): DialOptions {
  const protocols = request === undefined ? [] : valuesOf(request, 'sec-websocket-protocol')
  const recorded = sendsHeaders ? (request?.fields ?? []) : []
  const headers = fieldsOf(recorded.filter(([name]) => isPlayed(name.toLowerCase())))
  const chosen = dial.protocols === undefined || dial.protocols.length === 0
  return {
    ...dial,
    ...(chosen && { protocols: protocols.flatMap((value) => value.split(',')).map((one) => one.trim()) }),
    headers: { ...headers, ...dial.headers },
    compress: isCompressed && dial.compress !== false,
    signal,
  }
}
