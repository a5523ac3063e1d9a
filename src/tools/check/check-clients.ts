import type { AddressInfo, Server, Socket } from 'node:net'
import { interruptible } from '../interrupt.js'
import { Exit } from '../output.js'
import type { CheckCall } from './command.js'
import { conclude, expectationsOf, progressOf, type Telling, tellResult } from './outcome.js'
import { pageOf } from './page.js'
import { createCheckServer } from './serve.js'
import { Session } from './session.js'

/** `fastws check --serve PORT` */
export async function checkClients(call: CheckCall): Promise<number> {
  const { options, output, cases } = call
  const port = options.integer('serve', 0, [0, 65535])
  const expectations = expectationsOf(options)
  const named = options.text('agent')
  if (named !== undefined) expectations?.(named)
  const telling: Telling = { options, output, session: new Session(cases) }
  const finish = (agent: string): number => conclude(telling, agent, expectations?.(named ?? agent))
  return interruptible(async (interrupted) => {
    const stop = AbortSignal.any([interrupted, output.closed])
    return new Promise<number>((resolve, reject) => {
      const server = serverFor(call, { telling, finish, stop, resolve, reject })
      server.on('error', reject)
      server.listen(port, options.text('host') ?? '127.0.0.1', () => {
        const { address, port } = server.address() as AddressInfo
        output.note(`${cases.length} cases at ws://${address}:${port}/`)
      })
    })
  })
}

interface Running {
  readonly telling: Telling
  /** Tells the sums of a client, and gives the exit code. */
  readonly finish: (agent: string) => number
  /** Nobody waits for the rest any more. */
  readonly stop: AbortSignal
  readonly resolve: (code: number) => void
  readonly reject: (error: unknown) => void
}

function serverFor({ options, output, settings }: CheckCall, running: Running): Server {
  const { telling, finish, stop, resolve, reject } = running
  /** Those whose sums were not told since they played. */
  const untold = new Set<string>()
  const server = createCheckServer({
    session: telling.session,
    settings,
    page: () => pageOf(telling.session),
    onResult: (agent, result) => {
      if (stop.aborted) return
      untold.add(agent)
      tellResult(telling, agent, result)
      output.status(progressOf(telling, agent, result))
    },
    onError: (agent, { id }, error) => {
      const why = error instanceof Error ? error.message : String(error)
      output.note(`fastws check: ${id} of '${agent}' could not be judged: ${why}`)
    },
    onDone: (agent) => {
      if (stop.aborted) return
      untold.delete(agent)
      try {
        const code = finish(agent)
        if (options.flag('once')) server.close(() => resolve(code))
      } catch (error) {
        server.close()
        reject(error)
      }
    },
  })
  endWith(stop, server, () => {
    try {
      for (const agent of untold) conclude(telling, agent, undefined)
      resolve(Exit.Interrupted)
    } catch (error) {
      reject(error)
    }
  })
  return server
}

/** Closes a server with all of its connections when it is to stop, and does something first. */
function endWith(stop: AbortSignal, server: Server, last: () => void): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const end = (): void => {
    last()
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  if (stop.aborted) end()
  else stop.addEventListener('abort', end)
}
