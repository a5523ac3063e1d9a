import { PassThrough } from 'node:stream'
import type { CaseResult } from '../../src/tools/check/verdict.js'
import { main } from '../../src/tools/main.js'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program in this process, with streams of its own. */
export async function runMain(...args: readonly string[]): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const texts = [stdout, stderr].map(async (stream) => {
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return text
  })
  const code = await main(args, { stdout, stderr })
  stdout.end()
  stderr.end()
  const [out = '', err = ''] = await Promise.all(texts)
  return { code, stdout: out, stderr: err }
}

/** What `fastws check --json` found: the result of each case. */
export const resultsOf = ({ stdout }: Ran): CaseResult[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): CaseResult => JSON.parse(line))

/** Patience for tests: nobody who does what it must is waited for, and those who do not are meant not to. */
export const HASTE = [
  '--timeout',
  '4000',
  '--patience',
  '4000',
  '--quiet',
  '30',
  '--reaction',
  '500',
  '--parallel',
  '24',
] as const

const TIMES = ['--timeout', '--patience', '--quiet', '--reaction']

/** The same with five times the time. */
export const PATIENCE = HASTE.map((word, i) =>
  TIMES.includes(HASTE[i - 1] ?? '') ? `${5 * Number(word)}` : word,
)
