/**
 * Escapes whatever a terminal might obey in a text from a stranger: controls (C1 and DEL too), direction marks, line
 * ends. What is printed is then one line, and shows itself as it is.
 *
 * @example
 * escapeControls('red \u001b[31m') // 'red \\u{1b}[31m'
 */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
