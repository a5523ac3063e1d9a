import type { AddressInfo } from 'node:net'
import type { CheckCall } from './command.js'
import { conclude, expectationsOf, progressOf, tellResult } from './outcome.js'
import { pageOf } from './page.js'
import { createCheckServer } from './serve.js'
import { Session } from './session.js'

/** `fastws check --serve PORT` */
export async function checkClients({ options, output, cases, settings }: CheckCall): Promise<number> {
  const session = new Session(cases)
  const telling = { options, output, session }
  const port = options.integer('serve', 0, [0, 65535])
  return new Promise<number>((resolve, reject) => {
    const server = createCheckServer({
      session,
      settings,
      page: () => pageOf(session),
      onResult: (agent, result) => {
        tellResult(telling, agent, result)
        output.status(progressOf(telling, agent, result))
      },
      onDone: (agent) => {
        try {
          const code = conclude(telling, agent, expectationsOf(options, options.text('agent') ?? agent))
          if (options.flag('once')) server.close(() => resolve(code))
        } catch (error) {
          server.close()
          reject(error)
        }
      },
    })
    server.on('error', reject)
    output.closed.addEventListener('abort', () => server.close())
    server.listen(port, options.text('host') ?? '127.0.0.1', () => {
      const { address, port } = server.address() as AddressInfo
      output.note(`${cases.length} cases at ws://${address}:${port}/`)
    })
  })
}
