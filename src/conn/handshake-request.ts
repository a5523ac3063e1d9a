/** What asked for the upgrade has been answered, and is the same for everybody or of no more use to anybody. */
const SPENT: ReadonlySet<string> = new Set([
  'upgrade',
  'connection',
  'sec-websocket-version',
  'sec-websocket-key',
])

/** What `conn.request` keeps of the request that was upgraded: a long-lived connection must not hold all of it. */
export class HandshakeRequest {
  /** The request target, as in `GET /chat?room=1`. */
  readonly url: string
  /** Names and values one after the other, each on a line of its own: one string instead of thirty. */
  readonly #lines: string

  /** @internal */
  constructor(url: string, rawHeaders: readonly string[]) {
    this.url = url
    const kept: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2)
      if (!SPENT.has(rawHeaders[i]!.toLowerCase())) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
    this.#lines = kept.join('\n')
  }

  /**
   * The header fields, names in lower case; repeated ones joined with commas, cookies with semicolons. Those that asked
   * for the upgrade itself are not kept: `Upgrade`, `Connection`, `Sec-WebSocket-Version` and `Sec-WebSocket-Key`.
   */
  get headers(): Readonly<Record<string, string | undefined>> {
    const headers: Record<string, string> = Object.create(null)
    const lines = this.#lines === '' ? [] : this.#lines.split('\n')
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const name = lines[i]!.toLowerCase()
      const before = headers[name]
      headers[name] =
        before === undefined ? lines[i + 1]! : `${before}${name === 'cookie' ? '; ' : ', '}${lines[i + 1]}`
    }
    return headers
  }
}
