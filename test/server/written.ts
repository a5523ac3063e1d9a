/** What a call writes to stderr. */
export function written(call: () => void): string {
  const { write } = process.stderr
  let text = ''
  process.stderr.write = (chunk: string | Uint8Array): boolean => {
    text += String(chunk)
    return true
  }
  try {
    call()
  } finally {
    process.stderr.write = write
  }
  return text
}
