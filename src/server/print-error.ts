import { WebSocketError } from '../errors.js'

/** Writes an error as one line to stderr: what, and where it came from, unless it was a limit. */
export function printError(error: Error, more = ''): void {
  const { code } = error as { code?: unknown }
  const isBreach = error instanceof WebSocketError && error.breach !== undefined
  const mark = code === undefined ? '' : ` [${String(code)}]`
  const text = `${error.name}${mark}: ${error.message}${more}${isBreach ? '' : whereFrom(error)}`
  process.stderr.write(`fastws: ${escapeControls(text)}\n`)
}

/** The innermost call of the stack. */
function whereFrom(error: Error): string {
  const stack = typeof error.stack === 'string' ? error.stack : ''
  const start = stack.indexOf('\n    at ')
  return start < 0 ? '' : ` (${(stack.slice(start + 1).split('\n', 1)[0] ?? '').trim()})`
}

/**
 * Makes control characters visible: a message may hold what a stranger sent, and a terminal or a log must not take orders
 * from it.
 */
export function escapeControls(text: string): string {
  let escaped = ''
  for (const char of text) {
    const code = char.codePointAt(0)!
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029
    escaped += isControl ? `\\u${code.toString(16).padStart(4, '0')}` : char
  }
  return escaped
}
