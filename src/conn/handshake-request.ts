import { sharedText } from './shared-text.js'

/** What asked for the upgrade has been answered, and is the same for everybody or of no more use to anybody. */
const SPENT: ReadonlySet<string> = new Set([
  'upgrade',
  'connection',
  'sec-websocket-version',
  'sec-websocket-key',
])

/** What all browsers of a kind send alike to a server, and what proxies add alike to all requests. */
const ALIKE: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'dnt',
  'host',
  'origin',
  'pragma',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-websocket-extensions',
  'user-agent',
  'via',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
])

/** What `conn.request` keeps of the request that was upgraded: a long-lived connection must not hold all of it. */
export class HandshakeRequest {
  /** The request target, as in `GET /chat?room=1`. */
  readonly url: string
  // Names and values one after the other, each on a line of its own: one string instead of thirty.
  /** Those that others have sent as well, most likely: kept once for all of them. */
  readonly #alike: string
  readonly #own: string

  /** @internal */
  constructor(url: string, rawHeaders: readonly string[]) {
    // A query is the client's own more often than not, and may hold what is secret.
    this.url = url.includes('?') ? url : sharedText(url)
    const alike: string[] = []
    const own: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!.toLowerCase()
      if (!SPENT.has(name)) (ALIKE.has(name) ? alike : own).push(name, rawHeaders[i + 1]!)
    }
    this.#alike = sharedText(alike.join('\n'))
    this.#own = own.join('\n')
  }

  /**
   * The header fields, names in lower case; repeated ones joined with commas, cookies with semicolons. Those that asked
   * for the upgrade itself are not kept: `Upgrade`, `Connection`, `Sec-WebSocket-Version` and `Sec-WebSocket-Key`.
   */
  get headers(): Readonly<Record<string, string | undefined>> {
    const headers: Record<string, string> = Object.create(null)
    addLines(headers, this.#alike)
    addLines(headers, this.#own)
    return headers
  }
}

function addLines(headers: Record<string, string>, text: string): void {
  const lines = text === '' ? [] : text.split('\n')
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i]!
    const before = headers[name]
    headers[name] =
      before === undefined ? lines[i + 1]! : `${before}${name === 'cookie' ? '; ' : ', '}${lines[i + 1]}`
  }
}
