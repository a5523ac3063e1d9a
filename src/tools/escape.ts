/**
 * Escapes whatever a terminal might obey in a text from a stranger: controls (C1 and DEL too), direction marks, line
 * ends. What is printed is then one line, and shows itself as it is.
 *
 * @example
 * escapeControls('red \u001b[31m') // 'red \\u{1b}[31m'
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** The same for JSON, which knows only one way to escape: what is read back is what was written. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) =>
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(''),
  )
}

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`
