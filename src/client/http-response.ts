import { type Breach, HandshakeError } from '../errors.js'
import type { HandshakeResponse, ResponseHeaders } from '../handshake/client.js'
import { isToken } from '../handshake/tokens.js'

/** Longest head of a response: status line and headers. */
export const MAX_HEAD_BYTES = 16 << 10

/** Most heads are shorter; longer ones take more memory as they come. */
const USUAL_HEAD_BYTES = 512

/** Most header lines in one response. */
export const MAX_HEAD_LINES = 128

/** Most interim responses (100, 102, 103) before the final one. */
export const MAX_INTERIM = 8

const LF = 0x0a
const CR = 0x0d
const TAB = 0x09
const SPACE = 0x20
const DELETE = 0x7f

const bad = (what: string, breach?: Breach): HandshakeError =>
  new HandshakeError(
    'WS_ERR_HANDSHAKE',
    `Cannot open a WebSocket: the answer ${what}`,
    breach === undefined ? {} : { breach },
  )

// What no option sets is told by the name that docs/limits.md has for it.

/** How much longer depends on how it was cut on its way: it is told that there was more. */
const tooLong = (): HandshakeError =>
  bad(`has a head longer than ${MAX_HEAD_BYTES} bytes`, {
    option: 'head bytes',
    limit: MAX_HEAD_BYTES,
    value: MAX_HEAD_BYTES + 1,
  })

const tooManyLines = (): HandshakeError =>
  bad(`has more than ${MAX_HEAD_LINES} headers`, {
    option: 'header lines',
    limit: MAX_HEAD_LINES,
    value: MAX_HEAD_LINES + 1,
  })

const tooManyInterim = (): HandshakeError =>
  bad(`follows more than ${MAX_INTERIM} interim responses`, {
    option: 'interim answers',
    limit: MAX_INTERIM,
    value: MAX_INTERIM + 1,
  })

const STATUS_START = Buffer.from('HTTP/1.')
const notHttp = (): HandshakeError => bad('does not start with an HTTP/1.1 status line')

/**
 * Reads the head of an HTTP response out of chunks that are cut anywhere (RFC 9112). Each byte is copied once and looked
 * at once; the first wrong line ends it. Interim responses are passed over.
 */
export class ResponseReader {
  #bytes = Buffer.allocUnsafe(USUAL_HEAD_BYTES)
  /** How much of `#bytes` is filled, and where the line starts that is not complete. */
  #filled = 0
  #line = 0
  #statusLine: StatusLine | undefined
  #rawHeaders: string[] = []
  #interim = 0

  /** Bytes behind the head, once it is complete. */
  rest: Buffer = Buffer.alloc(0)

  /**
   * The head, as soon as it is complete.
   *
   * @throws HandshakeError when it is none.
   */
  append(chunk: Buffer): HandshakeResponse | undefined {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(LF, at)
      const to = end === -1 ? chunk.length : end + 1
      this.#keep(chunk.subarray(at, to))
      at = to
      if (end === -1) break
      const response = this.#endLine()
      if (response === undefined) continue
      this.rest = chunk.subarray(at)
      return response
    }
    return undefined
  }

  #keep(part: Buffer): void {
    const room = MAX_HEAD_BYTES - this.#filled
    this.#reserve(this.#filled + Math.min(part.length, room))
    this.#filled += part.copy(this.#bytes, this.#filled)
    this.#checkStart()
    if (part.length > room) throw tooLong()
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.min(Math.max(size, 2 * this.#bytes.length), MAX_HEAD_BYTES))
    this.#bytes.copy(larger, 0, 0, this.#filled)
    this.#bytes = larger
  }

  /** Something else than HTTP shows with its first bytes: nobody has to wait for more. */
  #checkStart(): void {
    if (this.#statusLine !== undefined) return
    const length = Math.min(this.#filled - this.#line, STATUS_START.length)
    if (this.#bytes.compare(STATUS_START, 0, length, this.#line, this.#line + length) !== 0) throw notHttp()
  }

  #endLine(): HandshakeResponse | undefined {
    const end = this.#filled - 2
    if (end < this.#line || this.#bytes[end] !== CR) throw bad('has a line that does not end with CR LF')
    const line = this.#bytes.toString('latin1', this.#line, end)
    this.#line = this.#filled
    if (this.#statusLine === undefined) this.#statusLine = parseStatusLine(line)
    else if (line === '') return this.#endHead(this.#statusLine)
    else this.#addHeader(line)
    return undefined
  }

  #addHeader(line: string): void {
    if (this.#rawHeaders.length >= 2 * MAX_HEAD_LINES) throw tooManyLines()
    const colon = line.indexOf(':')
    // A line that starts with a space would continue the one before; that is obsolete (RFC 9112 §5.2).
    const name = line.slice(0, Math.max(colon, 0))
    if (!isToken(name)) throw bad('has a header line without a name')
    const value = trimSpace(line, colon + 1)
    if (!isText(value)) throw bad('has a control character in a header')
    this.#rawHeaders.push(name, value)
  }

  #endHead(statusLine: StatusLine): HandshakeResponse | undefined {
    const rawHeaders = this.#rawHeaders
    if (statusLine.status >= 200 || statusLine.status === 101)
      return { ...statusLine, rawHeaders, headers: joinHeaders(rawHeaders) }
    if (++this.#interim > MAX_INTERIM) throw tooManyInterim()
    this.#filled = this.#line = 0
    this.#statusLine = undefined
    this.#rawHeaders = []
    return undefined
  }
}

interface StatusLine {
  readonly version: '1.0' | '1.1'
  readonly status: number
  readonly reason: string
}

/** `HTTP/1.1 101 Switching Protocols` (RFC 9112 §4); the reason may be missing. */
function parseStatusLine(line: string): StatusLine {
  const minor = line[7]
  const status = parseStatus(line.slice(9, 12))
  const reason = line.slice(13)
  const wellFormed =
    (minor === '0' || minor === '1') && line[8] === ' ' && (line.length === 12 || line[12] === ' ')
  if (!wellFormed || status < 100 || status > 599 || !isText(reason)) throw notHttp()
  return { version: `1.${minor}`, status, reason: showReason(reason) }
}

function parseStatus(digits: string): number {
  if (digits.length !== 3) return 0
  let status = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return 0
    status = status * 10 + digit
  }
  return status
}

const MAX_REASON = 64

/** A reason phrase ends up in logs and terminals: ASCII only, and not much of it. */
function showReason(reason: string): string {
  let shown = ''
  for (let i = 0; i < Math.min(reason.length, MAX_REASON); i++) {
    const char = reason.charCodeAt(i)
    shown += char >= SPACE && char < DELETE ? reason[i] : '?'
  }
  return shown
}

/** Anything but control characters; bytes above 0x7f stand for themselves, as latin1 (RFC 9110 §5.5). */
function isText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if ((char < SPACE && char !== TAB) || char === DELETE) return false
  }
  return true
}

function trimSpace(line: string, from: number): string {
  let to = line.length
  while (from < to && isSpace(line.charCodeAt(from))) from++
  while (from < to && isSpace(line.charCodeAt(to - 1))) to--
  return line.slice(from, to)
}

const isSpace = (char: number): boolean => char === SPACE || char === TAB

/** Of these Node keeps the first and drops the others. */
const FIRST_ONLY: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

function joinHeaders(rawHeaders: readonly string[]): ResponseHeaders {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    addHeader(headers, rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!)
  return headers
}

function addHeader(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name]
  if (name === 'set-cookie') headers[name] = before === undefined ? [value] : [...before, value]
  else if (before === undefined) headers[name] = value
  else if (!FIRST_ONLY.has(name)) headers[name] = `${before}, ${value}`
}
