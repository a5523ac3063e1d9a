import { setMaxListeners } from 'node:events'
import { tlsOf } from '../dial-flags.js'
import { interruptible } from '../interrupt.js'
import { Exit } from '../output.js'
import type { CheckCall } from './command.js'
import type { HeaderEdit } from './http-head.js'
import { connect, type Target } from './open-client.js'
import { conclude, expectationsOf, progressOf, type Telling, tellResult } from './outcome.js'
import { runAll } from './run-all.js'
import { serverPeer } from './server-peer.js'
import { Session } from './session.js'

/** `fastws check URL` */
export async function checkServer(call: CheckCall, url: URL, headers: HeaderEdit): Promise<number> {
  const { options, output, cases } = call
  const agent = options.text('agent') ?? url.host
  const expected = expectationsOf(options)?.(agent)
  const tls = tlsOf(options)
  const parallel = options.integer('parallel', 10, [1, 1000])
  const telling: Telling = { options, output, session: new Session(cases) }
  return interruptible(async (interrupted) => {
    const signal = AbortSignal.any([interrupted, output.closed])
    setMaxListeners(0, signal) // each connection listens
    try {
      await playAll(call, telling, { agent, parallel, target: { url, headers, tls, signal } })
    } catch (error) {
      if (!interrupted.aborted) throw error
    }
    const code = conclude(telling, agent, expected)
    return interrupted.aborted ? Exit.Interrupted : code
  })
}

interface Playing {
  readonly agent: string
  readonly parallel: number
  readonly target: Target
}

async function playAll(
  { cases, settings, output }: CheckCall,
  telling: Telling,
  { agent, parallel, target }: Playing,
): Promise<void> {
  // Who is not there at all would be waited for in every single case.
  const first = await connect(target, settings.timeout)
  first.destroy()
  await runAll(cases, serverPeer(target, settings), {
    settings,
    parallel,
    signal: target.signal,
    onResult: (result) => {
      telling.session.add(agent, result)
      tellResult(telling, agent, result)
      output.status(progressOf(telling, agent, result))
    },
  })
}
