/** The lines of a text, one after the other, however they end: millions of them take no memory. */
export function* textLines(text: string): Generator<string, void, undefined> {
  for (let at = 0; at <= text.length; ) {
    const found = text.indexOf('\n', at)
    const end = found < 0 ? text.length : found
    yield text.slice(at, found > at && text[end - 1] === '\r' ? end - 1 : end)
    at = end + 1
  }
}
