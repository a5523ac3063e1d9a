// What the servers that run in Node have in common: how they are started, and what they tell about themselves.
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { getHeapSpaceStatistics } from 'node:v8'
import { certificate } from '../certificate.js'
import type { EchoShape } from '../load/echo.js'
import { answer } from '../rpc.js'
import { startProfile, stopProfile } from './profiler.js'
import type { Usage } from './usage.js'

/** What a server does with a message. */
export type Mode = 'echo' | 'broadcast' | 'count'

export interface ServerOptions {
  readonly mode: Mode
  readonly tls: boolean
  readonly maxMessage: number
  readonly compress?: Compress
  /** What the load sends, for a server that does not read it. */
  readonly sent?: Pick<EchoShape, 'size' | 'opcode' | 'fragment'>
}

/** How a server compresses, every message; undefined for not at all. */
export interface Compress {
  readonly takesOver: boolean
  /** Left out, it is what the library takes by itself. */
  readonly level?: number
}

/** What all libraries call by the same names. */
export const takeoverOf = ({ takesOver }: Compress) => ({
  serverNoContextTakeover: !takesOver,
  clientNoContextTakeover: !takesOver,
  threshold: 0,
})

/** The same for everybody, unless a scenario needs more. */
export const DEFAULTS: ServerOptions = { mode: 'echo', tls: false, maxMessage: 1 << 20 }

/** How many handshakes may wait for the server. */
export const BACKLOG = 4096

/** Options as they were given on the command line. */
export const serverOptions = (): ServerOptions => ({ ...DEFAULTS, ...JSON.parse(process.argv[2] ?? '{}') })

/** The HTTP server to listen with; `listener` is for requests. */
export function httpServer(options: ServerOptions, listener?: Parameters<typeof createServer>[1]): Server {
  return options.tls ? createTlsServer({ ...certificate }, listener) : createServer(listener)
}

/** Listens on a free port, tells which, and answers questions. */
export function serve(server: NetServer): void {
  server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () =>
    console.log(`port ${(server.address() as AddressInfo).port}`),
  )
  answer({ usage, collect: collectGarbage, startProfile, stopProfile })
}

/** What this process has used so far. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    cpu: user + system,
    at: performance.now(),
    rss,
    heap: heapUsed + external,
    young: youngGeneration(),
    peak: process.resourceUsage().maxRSS * 1024,
  }
}

const youngGeneration = (): number =>
  getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.physical_space_size ?? 0

/** Twice, with a turn between: what finalizers let go of is gone as well. */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
