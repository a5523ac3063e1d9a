/** What `conn.request` keeps of the request that was upgraded: a long-lived connection must not hold all of it. */
export class HandshakeRequest {
  /** The request target, as in `GET /chat?room=1`. */
  readonly url: string
  /** Names and values one after the other, each on a line of its own: one string instead of thirty. */
  readonly #lines: string

  /** @internal */
  constructor(url: string, rawHeaders: readonly string[]) {
    this.url = url
    this.#lines = rawHeaders.join('\n')
  }

  /** The header fields, names in lower case; repeated ones joined with commas, cookies with semicolons. */
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
