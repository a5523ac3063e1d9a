/** The results for programs: the shape of the Autobahn test suite's `index.json`, agent by agent. */
import type { Session } from './session.js'
import type { CaseResult } from './verdict.js'

export interface ReportEntry {
  readonly behavior: string
  readonly behaviorClose: string
  readonly duration: number
  readonly remoteCloseCode: number | null
  /** Where in the page the case is told. */
  readonly reportfile: string
}

export type Report = Readonly<Record<string, Readonly<Record<string, ReportEntry>>>>

/** The place of a case in the page; where there are several agents, the later ones have their number before it. */
export function anchorOf({ agents }: Session, agent: string, id: string): string {
  const place = agents.indexOf(agent)
  return place > 0 ? `${place + 1}:${id}` : id
}

const entry = (
  { behavior, behaviorClose, duration, remoteCloseCode }: CaseResult,
  anchor: string,
): ReportEntry => ({
  behavior,
  behaviorClose,
  duration,
  remoteCloseCode,
  reportfile: `index.html#${anchor}`,
})

export const reportOf = (session: Session): Report =>
  Object.fromEntries(
    session.agents.map((agent) => [
      agent,
      Object.fromEntries(
        session
          .results(agent)
          .map((result) => [result.id, entry(result, anchorOf(session, agent, result.id))]),
      ),
    ]),
  )

/** How often each verdict was given, the most frequent first. */
export function countsOf(results: readonly CaseResult[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { behavior } of results) counts.set(behavior, (counts.get(behavior) ?? 0) + 1)
  return new Map([...counts].sort(([, one], [, other]) => other - one))
}

/** As in `510 OK, 4 NON-STRICT`. */
export const countsInWords = (results: readonly CaseResult[]): string =>
  [...countsOf(results)].map(([behavior, count]) => `${count} ${behavior}`).join(', ') || 'no case was played'
