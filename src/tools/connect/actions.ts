/** What a line of input asks for: a message, or a command with a slash. */
import { readFileSync } from 'node:fs'

/** How a line becomes a message: as text, as the bytes of that text, or as bytes written in hex or base64. */
export type LineForm = 'text' | 'binary' | 'hex' | 'base64'

/** What is done on a connection. */
export type WireAction =
  | { readonly do: 'send'; readonly data: string | Buffer }
  | { readonly do: 'ping' | 'pong'; readonly payload: string | Buffer }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }
  | { readonly do: 'terminate' }

export type Action = WireAction | { readonly do: 'help' }

/** A line that makes no sense; the message says why. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

interface Slash {
  readonly takes: string
  readonly help: string
  readonly make: (rest: string) => Action
}

const SLASHES: Readonly<Record<string, Slash>> = {
  text: {
    takes: 'TEXT',
    help: 'send a text, whatever it begins with',
    make: (data) => ({ do: 'send', data }),
  },
  binary: {
    takes: 'TEXT',
    help: 'send the bytes of a text as binary',
    make: (rest) => ({ do: 'send', data: Buffer.from(rest) }),
  },
  hex: {
    takes: 'BYTES',
    help: 'send bytes, as in /hex 01 ff',
    make: (rest) => ({ do: 'send', data: hexBytes(rest) }),
  },
  base64: { takes: 'BYTES', help: 'send bytes', make: (rest) => ({ do: 'send', data: base64Bytes(rest) }) },
  file: {
    takes: 'PATH',
    help: 'send a file as binary',
    make: (path) => ({ do: 'send', data: fileBytes(path) }),
  },
  textfile: {
    takes: 'PATH',
    help: 'send a file as text',
    make: (path) => ({ do: 'send', data: fileBytes(path).toString() }),
  },
  ping: { takes: '[TEXT]', help: 'send a ping, and tell the round trip', make: control('ping') },
  pong: { takes: '[TEXT]', help: 'send a pong that nobody asked for', make: control('pong') },
  close: {
    takes: '[CODE [REASON]]',
    help: 'close the connection; the code is 1000 by default',
    make: closing,
  },
  quit: { takes: '', help: 'the same as /close', make: () => closing('') },
  terminate: { takes: '', help: 'drop the connection, without Close', make: () => ({ do: 'terminate' }) },
  help: { takes: '', help: 'tell all of this', make: () => ({ do: 'help' }) },
}

export const slashHelp = (): readonly (readonly [string, string])[] => [
  ...Object.entries(SLASHES).map(([name, { takes, help }]) => [`/${name} ${takes}`.trim(), help] as const),
  ['//…', 'send a text that begins with a slash'],
]

/** The commands that a beginning may become. */
export const slashesFrom = (line: string): readonly string[] =>
  Object.keys(SLASHES)
    .map((name) => `/${name}`)
    .filter((name) => name.startsWith(line))

/** A line where a slash at the beginning is a command. */
export function parseSlash(line: string, form: LineForm): Action {
  if (!line.startsWith('/')) return parsePlain(line, form)
  if (line.startsWith('//')) return parsePlain(line.slice(1), form)
  const space = line.search(/\s/)
  const name = line.slice(1, space < 0 ? undefined : space)
  const slash = Object.hasOwn(SLASHES, name) ? SLASHES[name] : undefined
  if (slash === undefined)
    throw new InputError(`there is no command '/${name}'; /help tells them all, and //${name} is a text`)
  return slash.make(space < 0 ? '' : line.slice(space + 1))
}

/** A line that is a message. */
export function parsePlain(line: string, form: LineForm): Action {
  if (form === 'text') return { do: 'send', data: line }
  if (form === 'binary') return { do: 'send', data: Buffer.from(line) }
  return { do: 'send', data: form === 'hex' ? hexBytes(line) : base64Bytes(line) }
}

function control(kind: 'ping' | 'pong'): (rest: string) => Action {
  return (payload) => {
    if (Buffer.byteLength(payload) > 125) throw new InputError(`a ${kind} carries 125 bytes at most`)
    return { do: kind, payload }
  }
}

function closing(rest: string): Action {
  const [code = ''] = rest.trim().split(/\s/, 1)
  const reason = rest.trim().slice(code.length).trim()
  if (code !== '' && !/^\d{4}$/.test(code))
    throw new InputError(`/close takes a code of four digits and a reason, not '${code}'`)
  return { do: 'close', code: code === '' ? 1000 : Number(code), reason }
}

/** Bytes as hex digits, with spaces, colons or commas between them. */
export function hexBytes(text: string): Buffer {
  const digits = text.replace(/0x|[\s:,]/gi, '')
  if (/^([0-9a-f]{2})*$/i.test(digits)) return Buffer.from(digits, 'hex')
  throw new InputError(`'${text.slice(0, 40)}' is not bytes in hex, as in 01 ff`)
}

/** Bytes in base64, the plain alphabet or that for URLs. */
export function base64Bytes(text: string): Buffer {
  const digits = text.trim()
  if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(digits) && digits.replace(/=+$/, '').length % 4 !== 1)
    return Buffer.from(digits, 'base64')
  throw new InputError(`'${text.slice(0, 40)}' is not base64`)
}

function fileBytes(path: string): Buffer {
  try {
    return readFileSync(path.trim())
  } catch (error) {
    throw new InputError(error instanceof Error ? error.message : String(error))
  }
}
