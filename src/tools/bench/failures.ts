/** What went wrong with a handshake, in few words, so that those that failed alike count together. */
import { HandshakeError } from '../../index.js'

/** The code of what was at the bottom of it, as in `ECONNREFUSED`. */
export function codeOf(error: unknown): string {
  let code = ''
  for (let one = error; one instanceof Error; one = one.cause)
    if ('code' in one && one.code !== undefined) code = String(one.code)
  return code
}

export function kindOf(error: unknown): string {
  if (error instanceof HandshakeError && error.status !== undefined)
    return `a handshake that was refused: HTTP ${error.status}`
  const code = codeOf(error)
  if (code === 'WS_ERR_HANDSHAKE_TIMEOUT') return 'a handshake that was not answered in time'
  return `a connection that could not be opened: ${code || (error instanceof Error ? error.message : String(error))}`
}

/** What ran out here, and what can be done about it; undefined for other errors. */
export function exhaustionOf(error: unknown): string | undefined {
  switch (codeOf(error)) {
    case 'EMFILE':
      return "this process may not have more files open (EMFILE); raise that limit with 'ulimit -n', or ask for fewer"
    case 'ENFILE':
      return 'this system may not have more files open (ENFILE); ask for fewer'
    case 'EADDRNOTAVAIL':
      return 'there is no local port left (EADDRNOTAVAIL); ask for fewer, or for another address of the server'
    default:
      return undefined
  }
}
