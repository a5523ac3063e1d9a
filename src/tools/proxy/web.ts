import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, type Message, reject, upgrade } from '../../index.js'
import type { WireEvent } from '../recording/events.js'
import { urlOf } from '../url.js'
import { authorityOf, type Endpoint } from './endpoint.js'
import { History, MAX_ROWS, type Row } from './history.js'
import { listen } from './server.js'
import type { Sink } from './sink.js'

/** The page lies beside the sources, as it is: browsers need no compiler. */
const FILES = new URL('../../../../src/tools/proxy/page/', import.meta.url)
const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'table.js': 'text/javascript; charset=utf-8',
  'details.js': 'text/javascript; charset=utf-8',
}

/** Whatever a peer sends, the page runs nothing but its own files, and talks to nobody but us. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

/** Rows are sent together, so often. */
const BEAT = 50
/** A page that has so much before it gets nothing new until it has read some of it. */
const LAG = 1 << 20

/** One page that looks on. */
interface Page {
  readonly conn: Conn
  /** What it got with its beginning. */
  readonly last: number
  skipped: number
}

export interface WebSettings {
  readonly listen: Endpoint
  /** What the proxy stands between, for the page's head. */
  readonly title: () => { readonly listen: string; readonly target: string }
}

export interface Web extends Sink {
  readonly url: string
}

/**
 * Serves the live page, to who knows its address and comes from the page itself. The page shows cookies and tokens, and
 * every user and program of this machine can reach the port: so the address has a key in it that nobody can guess.
 */
export async function startWeb({ listen: endpoint, title }: WebSettings): Promise<Web> {
  const history = new History()
  const pages = new Set<Page>()
  const folder = `/${randomBytes(16).toString('base64url')}/`
  let waiting: Row[] = []
  let beat: NodeJS.Timeout | undefined
  const door = upgrade(
    async (conn) => {
      const rows = history.rows()
      const page: Page = { conn, last: rows.at(-1)?.id ?? 0, skipped: 0 }
      pages.add(page)
      conn.signal.addEventListener('abort', () => pages.delete(page))
      await send(conn, { type: 'hello', ...title(), rows })
      for await (const message of conn) await send(conn, answerTo(message, history))
    },
    {
      path: ({ url }) => fileIn(folder, url) === 'feed',
      maxMessage: 1024,
      accept: ({ headers }) => (isOurs(headers.host, endpoint) ? undefined : reject(403)),
    },
  )
  const server = createServer((request, response) => sendFile(request, response, { folder, endpoint }))
  door.attach(server)
  await listen(server, endpoint)
  const { address, port } = server.address() as AddressInfo
  const flush = (): void => {
    beat = undefined
    for (const page of pages) tell(page, waiting)
    waiting = []
    // A page that lags is told what it has missed as soon as it has caught up.
    if ([...pages].some(({ skipped }) => skipped > 0)) beat = setTimeout(flush, BEAT)
  }
  return {
    url: `http://${authorityOf({ host: address, port })}${folder}`,
    take(event: WireEvent) {
      waiting.push(history.add(event))
      if (waiting.length > MAX_ROWS) waiting.shift()
      beat ??= setTimeout(flush, BEAT)
    },
    async close() {
      flush()
      clearTimeout(beat)
      server.close()
      await door.close({ code: 1001, timeout: 1000 })
      server.closeAllConnections()
      return true
    },
  }
}

/** Why a page gets nothing is its own connection's business: it shows there. */
const send = (conn: Conn, value: object): Promise<void> =>
  conn.send(JSON.stringify(value)).catch(() => undefined)

function tell(page: Page, all: readonly Row[]): void {
  const { conn, last } = page
  const rows = all.filter(({ id }) => id > last)
  if (conn.bufferedAmount > LAG) page.skipped += rows.length
  else if (rows.length + page.skipped > 0) {
    void send(conn, { type: 'rows', rows, skipped: page.skipped })
    page.skipped = 0
  }
}

function answerTo(message: Message, history: History): object {
  const id = Number(message.text())
  return { type: 'details', id, details: history.details(id) ?? null }
}

const HINT = 'There is nothing here: open the whole address that fastws proxy has printed\n'

const LOCAL = ['localhost', '127.0.0.1', '[::1]']

const ANYBODY = ['0.0.0.0', '[::]']

/**
 * Whether a request was made to us by name. A page elsewhere may have its own name lead here: its requests then look
 * like ours, but for that name.
 */
function isOurs(host: string | undefined, endpoint: Endpoint): boolean {
  const name = urlOf(`http://${host ?? ''}`)?.hostname ?? ''
  const own = urlOf(`http://${authorityOf(endpoint)}`)?.hostname
  // Who listens to everybody is called by any name.
  return LOCAL.includes(name) || name === own || ANYBODY.includes(own ?? '')
}

/**
 * What is asked for in the folder; undefined for whoever does not know its key, of which the time that this takes tells
 * nothing.
 */
function fileIn(folder: string, url = ''): string | undefined {
  const own = Buffer.from(folder)
  const given = Buffer.from(url).subarray(0, own.length)
  if (given.length < own.length || !timingSafeEqual(given, own)) return undefined
  return url.slice(folder.length)
}

function sendFile(
  { url, method, headers }: IncomingMessage,
  response: ServerResponse,
  { folder, endpoint }: { readonly folder: string; readonly endpoint: Endpoint },
): void {
  const name = fileIn(folder, url)
  const path = name === '' ? 'index.html' : (name ?? '')
  const type = Object.hasOwn(TYPES, path) ? TYPES[path] : undefined
  const status = isOurs(headers.host, endpoint) ? (type === undefined ? 404 : 200) : 403
  if (status !== 200 || type === undefined || (method !== 'GET' && method !== 'HEAD')) {
    response.writeHead(status === 200 ? 405 : status, HEADERS).end(status === 404 ? HINT : '')
    return
  }
  response.writeHead(200, { ...HEADERS, 'Content-Type': type }).end(readFileSync(new URL(path, FILES)))
}
