import { type Case, echoed, text } from './case.js'
import { openAsClient, type Target } from './open-client.js'
import { type Peer, runCase } from './run-case.js'
import type { Settings } from './settings.js'
import { CaseFailure } from './verdict.js'

/** What every server must do, whatever happened to it before. */
const WITNESS: Case = { id: '', description: 'a plain echo', steps: echoed(text('still there?')) }

/** A server under test. */
export function serverPeer(target: Target, settings: Settings): Peer {
  const open: Peer['open'] = (context) => openAsClient(target, context)
  return {
    open,
    another: async () => {
      const { behavior, remarks } = await runCase(WITNESS, { open }, settings)
      if (behavior === 'FAILED') throw new CaseFailure(`Another connection fails now: ${remarks.join('; ')}`)
    },
  }
}
