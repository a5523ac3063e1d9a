import { setTimeout as sleep } from 'node:timers/promises'
import type { EchoShape } from './load/echo.js'
import { LoadProcess } from './load-process.js'
import { ServerProcess } from './server-process.js'
import type { ServerOptions } from './servers/serve.js'
import type { Subject } from './subjects.js'
import { type CountedSample, measureWindow, type Times } from './window.js'

export interface EchoRun {
  readonly subject: Subject
  readonly shape: EchoShape
  readonly times: Times
  readonly options?: Partial<ServerOptions>
  /** Addresses of this machine that the connections come from. */
  readonly addresses?: readonly string[]
  readonly around?: Around
}

/** Is called before and after the window, with the server. */
export interface Around {
  before(server: ServerProcess): Promise<void>
  after(server: ServerProcess): Promise<void>
}

/** A server and a load for as long as `use` takes. */
export async function withServerAndLoad<T>(
  subject: Subject,
  options: Partial<ServerOptions>,
  use: (server: ServerProcess, load: LoadProcess) => Promise<T>,
): Promise<T> {
  const load = new LoadProcess() // starts while the server does
  try {
    const server = await ServerProcess.start(subject, options)
    try {
      return await use(server, load)
    } finally {
      await server.stop()
    }
  } finally {
    await load.stop()
  }
}

/** Starts a server and a load, lets them warm up, and measures one window. */
export const measureEcho = (run: EchoRun): Promise<CountedSample> =>
  withServerAndLoad(run.subject, run.options ?? {}, (server, load) => measureEchoOn(server, load, run))

/** The same with a server and a load that are there already. */
export async function measureEchoOn(
  server: ServerProcess,
  load: LoadProcess,
  { subject, shape, times, options, addresses, around }: EchoRun,
): Promise<CountedSample> {
  const target = { port: server.port, tls: options?.tls === true, raw: subject.raw === true }
  await load.ask('startEcho', { shape, target, addresses })
  await sleep(times.warmUp)
  await around?.before(server)
  const sample = await measureWindow(server, load, times.window)
  await around?.after(server)
  return sample
}
