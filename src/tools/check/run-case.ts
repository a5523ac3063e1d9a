/** Plays one case from its opening to its verdict. */
import { WireLog } from '../wire-log.js'
import type { Case, Step } from './case.js'
import type { Agreement } from './deflate.js'
import { stepInWords } from './describe.js'
import type { Link } from './link.js'
import { MessageEncoder } from './messages.js'
import type { OpenContext } from './open-client.js'
import { Play } from './play.js'
import type { Settings } from './settings.js'
import { CaseFailure, type CaseResult, Verdict } from './verdict.js'

/** A way to the other side. */
export interface Peer {
  /** Opens the connection of a case; undefined when the other side refused it, and was right. */
  readonly open: (context: OpenContext) => Promise<Opened | undefined>
  /** Opens one more connection and echoes a message there. */
  readonly another?: () => Promise<void>
}

export interface Opened {
  readonly link: Link
  readonly agreement: Agreement | undefined
}

/** The steps of a case; those of some are made when they are needed. */
export const stepsOf = ({ steps }: Case): readonly Step[] => (typeof steps === 'function' ? steps() : steps)

export async function runCase(one: Case, peer: Peer, settings: Settings): Promise<CaseResult> {
  const begin = performance.now()
  const log = new WireLog()
  const verdict = new Verdict()
  const patient = one.heavy === true ? { ...settings, timeout: settings.patience } : settings
  const remoteCloseCode = await judged({ one, log, verdict, settings: patient }, peer)
  if (one.informational === true && verdict.behavior !== 'FAILED')
    verdict.lower('INFORMATIONAL', 'The RFC leaves the outcome open')
  return {
    id: one.id,
    behavior: verdict.behavior,
    behaviorClose: verdict.behaviorClose,
    duration: Math.round(performance.now() - begin),
    remoteCloseCode,
    remarks: verdict.remarks,
    log: log.entries,
  }
}

/** Plays it; gives the close code of the other side. */
async function judged(context: OpenContext, peer: Peer): Promise<number | null> {
  let opened: Opened | undefined
  try {
    opened = await peer.open(context)
    if (context.one.opening?.harmless === true) await peer.another?.()
    if (opened === undefined) return null
    if (context.one.deflate !== undefined && opened.agreement === undefined) {
      context.verdict.lower('UNIMPLEMENTED', 'The peer does not agree on permessage-deflate as asked for')
      context.verdict.lowerClose('UNIMPLEMENTED')
      return null
    }
    await playOf(context, opened, peer).play(stepsOf(context.one))
  } catch (error) {
    if (!(error instanceof CaseFailure)) throw error
    context.verdict.lower('FAILED', error.message)
    if (opened === undefined) context.verdict.lowerClose('FAILED')
  } finally {
    opened?.link.destroy()
  }
  return opened?.link.closeCode ?? null
}

function playOf({ verdict, settings }: OpenContext, { link, agreement }: Opened, peer: Peer): Play {
  const encoder = new MessageEncoder(link.role, agreement?.ours)
  return new Play({ link, verdict, settings, encoder, another: peer.another })
}

/** What a case does and expects, one line for each step. */
export const scriptInWords = (one: Case): readonly string[] => stepsOf(one).map(stepInWords)
