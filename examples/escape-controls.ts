// What strangers send, made fit for a terminal or a log.

/**
 * Shows a stranger's text as it is, and as one line: a terminal would obey its control characters, and turn what stands
 * behind a direction mark around. Do this with all that comes from a peer before it reaches a terminal or a log.
 */
export const escapeControls = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )

if (process.argv[1] === import.meta.filename)
  console.log(escapeControls('\u001b[8mA terminal would hide this.'))
