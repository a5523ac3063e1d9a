/** So many texts are kept for all at most, none of them longer than this: together half a mebibyte. */
export const PLACES = 256
export const LONGEST = 2 << 10

/** What is new takes the place of what was there: nobody can make it grow. */
const places: string[] = new Array(PLACES).fill('')

/** The same text, in memory that all share who have it, if it was asked for lately. For nothing that is secret: it stays. */
export function sharedText(text: string): string {
  if (text.length > LONGEST) return text
  const place = placeOf(text)
  const kept = places[place]!
  if (kept === text) return kept
  places[place] = text
  return text
}

function placeOf(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0
  return (sum >>> 0) % PLACES
}
