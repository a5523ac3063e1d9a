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
 * Makes visible what a terminal might obey: controls (C1 and DEL too), line ends, and marks that turn the direction of what
 * follows or cannot be seen. A message may hold what a stranger sent.
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
