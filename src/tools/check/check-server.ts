import type { CheckCall } from './command.js'
import type { HeaderEdit } from './http-head.js'
import type { Target } from './open-client.js'
import { conclude, expectationsOf, progressOf, tellResult } from './outcome.js'
import { runAll } from './run-all.js'
import { serverPeer } from './server-peer.js'
import { Session } from './session.js'

/** `fastws check URL` */
export async function checkServer(call: CheckCall, url: URL, headers: HeaderEdit): Promise<number> {
  const { options, output, cases, settings } = call
  const target: Target = { url, headers, insecure: options.flag('insecure') }
  const agent = options.text('agent') ?? url.host
  const expected = expectationsOf(options)?.(agent)
  const session = new Session(cases)
  const telling = { options, output, session }
  await runAll(cases, serverPeer(target, settings), {
    settings,
    parallel: options.integer('parallel', 10, [1, 1000]),
    signal: output.closed,
    onResult: (result) => {
      session.add(agent, result)
      tellResult(telling, agent, result)
      output.status(progressOf(telling, agent, result))
    },
  })
  return conclude(telling, agent, expected)
}
