/**
 * The URL that a text is; undefined for none. `URL.canParse()` would tell, but once Node 20 and 22 have compiled its
 * caller it takes Latin-1 for UTF-8, and finds URLs that `URL` then refuses.
 */
export function urlOf(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

/** What was given as an address as it may be shown: without a password. */
export function withoutPassword(text: string): string {
  const url = urlOf(text)
  if (url === undefined || url.password === '') return text
  url.password = ''
  return url.href
}
