/** What every command takes that opens a connection: headers, subprotocols, TLS, a proxy … */
import type { ConnectionOptions } from 'node:tls'
import type { DialOptions } from '../index.js'
import { type Call, type OptionSpec, type Options, UsageError } from './command.js'
import { fieldsOf, headerLinesOf } from './header-lines.js'
import { readFileUpTo } from './read-all.js'
import { urlOf, withoutPassword } from './url.js'

/** A tool is to show what comes, not to protect a service: its limit is only there to end somewhere. */
const LONGEST = 256 << 20

export const DIAL_FLAGS = {
  header: {
    value: 'LINE',
    short: 'H',
    multiple: true,
    help: "a header, as in 'Cookie: a=b'; may be repeated",
  },
  protocol: { value: 'NAME', short: 's', multiple: true, help: 'a subprotocol to ask for, best first' },
  origin: { value: 'URL', short: 'o', help: 'the Origin header' },
  ca: {
    value: 'FILE',
    help: 'trust the certificates in there (PEM), and no others; of an https: proxy, too',
  },
  cert: { value: 'FILE', help: 'our own certificate (PEM)' },
  key: { value: 'FILE', help: 'the key for it (PEM)' },
  servername: { value: 'NAME', help: 'the name to ask for and to verify with TLS; default that in the URL' },
  insecure: { short: 'k', help: 'take any certificate; of an https: proxy, too' },
  proxy: { value: 'URL', help: 'an HTTP proxy to tunnel through, as in http://user:secret@proxy:3128' },
  'no-compress': { help: 'do not offer compression' },
  timeout: { value: 'MS', help: 'for everything up to the open connection; default 10000' },
  'max-message': { value: 'BYTES', help: 'longest message that is taken; default 256 MiB' },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** The one URL that was given. What a user of `curl` or a browser may leave out is named. */
export function targetOf({ positionals }: Pick<Call, 'positionals'>): string {
  const [given, ...more] = positionals
  if (given === undefined) throw new UsageError('a URL is needed, as in ws://localhost:8080')
  if (more.length > 0) throw new UsageError(`one URL is enough: what is '${more[0]}'?`)
  const scheme = urlOf(given)?.protocol ?? ''
  if (SCHEMES.includes(scheme)) return given
  const hint = urlOf(`ws://${given}`) && !given.includes('://') ? `; did you mean ws://${given}?` : ''
  throw new UsageError(`'${withoutPassword(given)}' is no URL with ${SCHEMES.join(' ')}${hint}`)
}

const SCHEMES: readonly string[] = ['ws:', 'wss:', 'http:', 'https:', 'ws+unix:', 'wss+unix:']

/** The options of `dial()` that the flags stand for. */
export function dialOptionsOf(options: Options): DialOptions {
  const [origin, proxy] = [options.text('origin'), options.text('proxy')]
  const longest = options.integer('max-message', LONGEST, [1, Number.MAX_SAFE_INTEGER])
  return {
    headers: fieldsOf(headerLinesOf(options)),
    protocols: options.list('protocol'),
    ...(origin !== undefined && { origin }),
    ...(proxy !== undefined && { proxy: { url: proxy, tls: trustOf(options) } }),
    tls: tlsOf(options),
    timeout: options.integer('timeout', 10_000, [0, 3_600_000]),
    compress: !options.flag('no-compress'),
    maxMessage: longest,
    maxFrame: longest,
    maxFragments: Infinity,
  }
}

export function tlsOf(options: Options): ConnectionOptions {
  const servername = options.text('servername')
  return {
    ...trustOf(options),
    ...fileOf(options, 'cert'),
    ...fileOf(options, 'key'),
    ...(servername !== undefined && { servername }),
  }
}

/** Whose certificates are taken: those of a proxy as those of the server. Our own is the server's alone to see. */
const trustOf = (options: Options): ConnectionOptions => ({
  ...fileOf(options, 'ca'),
  ...(options.flag('insecure') && { rejectUnauthorized: false }),
})

/** The file that an option names, under the name of the option. */
export function fileOf<Name extends string>(options: Options, name: Name): { [K in Name]?: Buffer } {
  const path = options.text(name)
  if (path === undefined) return {}
  return { [name]: readFileOf(`--${name}`, path) } as { [K in Name]?: Buffer }
}

export function readFileOf(what: string, path: string): Buffer {
  try {
    return readFileUpTo(path)
  } catch (error) {
    throw new UsageError(`${what}: ${(error as Error).message}`)
  }
}

/** Turns what `dial()` says about a wrong argument into what a command says about a wrong option. */
export function asUsage(error: unknown): unknown {
  const isArgument = error instanceof Error && 'code' in error && error.code === 'WS_ERR_ARGUMENT'
  return isArgument ? new UsageError(error.message) : error
}
