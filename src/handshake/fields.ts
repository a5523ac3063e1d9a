/** The header fields that decide about a handshake; undefined where a field is missing. */
export class HandshakeFields {
  host: string | undefined
  origin: string | undefined
  upgrade: string | undefined
  connection: string | undefined
  version: string | undefined
  key: string | undefined
  protocols: string | undefined
  extensions: string | undefined
  contentLength: string | undefined
  transferEncoding: string | undefined
  /** There may be one at most, and a list of two could pass for one to those who are asked about it. */
  originLines = 0

  /**
   * Gathers them in one pass: a request has a dozen others, and this is done for every connection. Lines of the same
   * name are joined with commas, as RFC 9110 §5.3 has it; a field that must stand alone is not well-formed then.
   */
  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) this.#take(rawHeaders[i]!, rawHeaders[i + 1]!)
  }

  #take(name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'host':
        this.host = join(this.host, value)
        break
      case 'origin':
        this.origin = join(this.origin, value)
        this.originLines++
        break
      case 'upgrade':
        this.upgrade = join(this.upgrade, value)
        break
      case 'connection':
        this.connection = join(this.connection, value)
        break
      case 'sec-websocket-version':
        this.version = join(this.version, value)
        break
      case 'sec-websocket-key':
        this.key = join(this.key, value)
        break
      case 'sec-websocket-protocol':
        this.protocols = join(this.protocols, value)
        break
      case 'sec-websocket-extensions':
        this.extensions = join(this.extensions, value)
        break
      case 'content-length':
        this.contentLength = join(this.contentLength, value)
        break
      case 'transfer-encoding':
        this.transferEncoding = join(this.transferEncoding, value)
    }
  }
}

const join = (before: string | undefined, value: string): string =>
  before === undefined ? value : `${before}, ${value}`
