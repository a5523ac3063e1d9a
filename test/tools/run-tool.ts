import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { root } from '../support/root.js'

/** The program as it is installed. */
export const PROGRAM = join(root, 'dist/src/tools/bin.js')

/** A run of the program in a process of its own. */
export interface Tool {
  readonly child: ChildProcessWithoutNullStreams
  /** What it has printed so far. */
  readonly out: () => string
  readonly err: () => string
  /** Resolves with what matched, as soon as that was printed, to stdout or stderr. */
  readonly printed: (pattern: RegExp) => Promise<RegExpMatchArray>
  /** Resolves with the exit code; -1 when a signal ended it. */
  readonly code: Promise<number>
}

export function startTool(t: TestContext, ...args: readonly string[]): Tool {
  const child = spawn(process.execPath, [PROGRAM, ...args])
  t.after(() => child.kill('SIGKILL'))
  child.stdin.on('error', () => undefined) // it may end before it has read all
  let [out, err] = ['', '']
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  child.stdout.on('data', (chunk) => {
    out += chunk
    wake()
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
    wake()
  })
  const printed = (pattern: RegExp): Promise<RegExpMatchArray> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = pattern.exec(out) ?? pattern.exec(err)
        if (found === null) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  const code = once(child, 'close').then(([exit]) => (exit as number | null) ?? -1)
  return { child, out: () => out, err: () => err, printed, code }
}

/** Runs the program to its end, with this as its stdin. */
export async function runTool(
  t: TestContext,
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { child, code, out, err } = startTool(t, ...args)
  child.stdin.end(input)
  return { code: await code, out: out(), err: err() }
}

/** Lines of JSON. */
export const records = (out: string): Record<string, unknown>[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line))
