/** Tells what came of a run, and makes an exit code of it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Options, UsageError } from '../command.js'
import { Exit, type Output } from '../output.js'
import { logLine } from '../wire-log.js'
import { compare, type Difference, type Expectations, readAgents } from './expectation.js'
import { pageOf } from './page.js'
import { countsInWords, reportOf } from './report.js'
import type { Session } from './session.js'
import type { CaseResult } from './verdict.js'

/** Where results are told. */
export interface Telling {
  readonly options: Options
  readonly output: Output
  readonly session: Session
}

/** One case: a line of JSON, or, where it is not OK, a line for people. */
export function tellResult({ options, output, session }: Telling, agent: string, result: CaseResult): void {
  if (options.flag('json')) {
    output.json({ agent, ...result })
    return
  }
  if (result.behavior === 'OK') return
  const one = session.cases.find(({ id }) => id === result.id)
  output.line(`${result.behavior.padEnd(13)} ${result.id.padEnd(8)} ${one?.description}`)
  for (const remark of result.remarks) output.line(`              ${remark}`)
  if (options.flag('verbose')) for (const entry of result.log) output.line(`    ${logLine(entry)}`)
}

/** The progress of a run, for a terminal. */
export function progressOf({ session }: Telling, agent: string, last: CaseResult): string {
  const results = session.results(agent)
  return `${results.length}/${session.cases.length} ${countsInWords(results)}; ${last.id} ${last.behavior}`
}

/**
 * Reads `--expect` before anything is played: a file that is wrong should not be noticed at the end. Gives what is
 * expected of an agent.
 */
export function expectationsOf(options: Options): ((agent: string) => Expectations) | undefined {
  const path = options.text('expect')
  if (path === undefined) return undefined
  try {
    return readAgents(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`--expect: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Writes the reports, tells the sums, and gives the exit code. */
export function conclude(telling: Telling, agent: string, expected: Expectations | undefined): number {
  const { options, output, session } = telling
  output.status('')
  writeReports(session, options.text('report'))
  const results = session.results(agent)
  const unclean = results.filter(
    (one) => one.behaviorClose !== 'OK' && one.behavior !== 'UNIMPLEMENTED',
  ).length
  if (!options.flag('json'))
    output.line(
      `${agent}: ${countsInWords(results)}${unclean > 0 ? `; ${unclean} closed in an unclean way` : ''}`,
    )
  const left = session.cases.length - results.length
  if (left > 0) output.note(`${left} of ${session.cases.length} cases were not played by '${agent}'`)
  const isGood = expected === undefined ? !results.some(isFailed) : isAsExpected(output, results, expected)
  return left === 0 && isGood ? Exit.Ok : Exit.Failed
}

const isFailed = ({ behavior }: CaseResult): boolean => behavior === 'FAILED'

/** Tells what is worse than expected, and what is better. */
function isAsExpected(output: Output, results: readonly CaseResult[], expected: Expectations): boolean {
  const { worse, better } = compare(results, expected)
  for (const one of worse) output.note(`worse than expected: ${differenceInWords(one)}`)
  for (const one of better) output.note(`better than expected: ${differenceInWords(one)}`)
  return worse.length === 0
}

const differenceInWords = ({ id, expected, behavior, remarks }: Difference): string =>
  `${id} is ${behavior}, not ${expected}${remarks.length > 0 ? `: ${remarks.join('; ')}` : ''}`

export function writeReports(session: Session, folder: string | undefined): void {
  if (folder === undefined || session.agents.length === 0) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.json'), `${JSON.stringify(reportOf(session), undefined, 2)}\n`)
  writeFileSync(join(folder, 'index.html'), pageOf(session))
}
