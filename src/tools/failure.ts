/** What went wrong, for people and for programs. Everything in it may come from a stranger: print it with `Output`. */
import { CloseError, HandshakeError } from '../index.js'

/** Characters of a body that are shown at most. */
const SHOWN = 600

/** The error and those behind it; for a refused handshake status, headers and the beginning of the body. */
export function failureLines(error: unknown): readonly string[] {
  const lines = [causesOf(error).join(': ')]
  if (!(error instanceof HandshakeError) || error.status === undefined) return lines
  return [...lines, `  status ${error.status}`, ...headerLines(error), ...bodyLines(error.body)]
}

const headerLines = ({ headers }: HandshakeError): readonly string[] =>
  Object.entries(headers).flatMap(([name, values]) =>
    [values ?? []].flat().map((value) => `  ${name}: ${value}`),
  )

/** A body in the lines that it came in, which is how it can be read. */
function bodyLines(body: Buffer): readonly string[] {
  if (body.length === 0) return []
  const text = body.toString().slice(0, SHOWN)
  const more = body.length > SHOWN ? [`  … ${body.length} bytes in all`] : []
  return [
    '',
    ...text
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => `  ${line}`),
    ...more,
  ]
}

/** The messages of an error and of its causes, each only if it says something new. */
function causesOf(error: unknown): readonly string[] {
  const messages: string[] = []
  for (let one: unknown = error; one !== undefined && messages.length < 5; ) {
    const message = messageOf(one)
    if (!messages.some((before) => before.includes(message))) messages.push(message)
    one = one instanceof Error ? one.cause : undefined
  }
  return messages
}

/** Node leaves the message empty where several addresses failed: their errors tell. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(messageOf).join(', ') || error.name
  return error instanceof Error ? error.message : String(error)
}

/** The same as one line of JSON. */
export function failureRecord(error: unknown): Record<string, unknown> {
  const isHandshake = error instanceof HandshakeError
  return {
    type: 'error',
    code: error instanceof Error && 'code' in error ? error.code : null,
    message: causesOf(error).join(': '),
    status: isHandshake ? (error.status ?? null) : null,
    headers: isHandshake ? error.headers : null,
    body: isHandshake ? error.body.toString() : null,
  }
}

/** Whether it only says how a connection ended, which its report tells as well. */
export const isEnd = (error: unknown): boolean => error instanceof CloseError
