import { STATUS_CODES } from 'node:http'
import { outOfRange, wrongType } from '../errors.js'
import { type HeaderFields, type HeaderLine, headerLines } from './tokens.js'

/** An HTTP answer instead of a WebSocket. */
export interface Refusal {
  /** The HTTP status: 400 to 599. */
  readonly status: number
  /** More headers; `Content-Length` and `Connection` are set for you. */
  readonly headers?: HeaderFields | undefined
  /** Default the status in words. */
  readonly body?: string | Uint8Array | undefined
}

/**
 * Builds a refusal for the `accept` hook.
 *
 * @throws TypeError or RangeError for what cannot be sent.
 * @example
 * upgrade(handler, { accept: (request) => (isKnown(request) ? undefined : reject(401, { body: 'Who are you?' })) })
 */
export function reject(status: number, answer: Omit<Refusal, 'status'> = {}): Refusal {
  const refusal = { status, headers: answer.headers, body: answer.body }
  checkRefusal(refusal)
  return refusal
}

/** What frames the answer is not for the application to set. */
const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
])

/** Checks a refusal that the application made. */
export function checkRefusal(refusal: Refusal): void {
  const { status, headers, body } = refusal
  if (typeof status !== 'number') throw wrongType('status', 'a number', status)
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw outOfRange('status', '200 to 599', status)
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array))
    throw wrongType('body', 'a string or bytes', body)
  if (headers !== undefined) headerLines('headers', headers, RESERVED)
}

/** A refusal in the form it is sent in. */
export interface Answer {
  readonly status: number
  readonly lines: readonly HeaderLine[]
  readonly body: Buffer
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/** Completes a refusal to an HTTP answer. The connection ends with it. */
export function answerFor(refusal: Refusal): Answer {
  const { status } = refusal
  const body = WITHOUT_BODY.has(status) ? '' : (refusal.body ?? `${STATUS_CODES[status] ?? status}\n`)
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
  const given = headerLines('headers', refusal.headers ?? {})
  const lines: HeaderLine[] = []
  // §7.8 of RFC 9110: who sends Upgrade names it in Connection, too.
  lines.push(['Connection', has(given, 'upgrade') ? 'Upgrade, close' : 'close'])
  if (!has(given, 'content-type') && bytes.length > 0)
    lines.push(['Content-Type', 'text/plain; charset=utf-8'])
  if (status !== 204 && status !== 304) lines.push(['Content-Length', String(bytes.length)])
  return { status, lines: [...lines, ...given], body: bytes }
}

const has = (lines: readonly HeaderLine[], name: string): boolean =>
  lines.some((line) => line[0].toLowerCase() === name)

/** Writes an answer as the bytes of an HTTP/1.1 response; one to HEAD has no body. */
export function encodeAnswer(answer: Answer, method: string | undefined): Buffer {
  const head = responseHead(answer.status, answer.lines)
  return method === 'HEAD' ? head : Buffer.concat([head, answer.body])
}

/** Writes the status line and the headers of an HTTP/1.1 response. */
function responseHead(status: number, lines: readonly HeaderLine[]): Buffer {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  for (const [name, value] of lines) text += `${name}: ${value}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}
