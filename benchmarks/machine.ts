import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { isPinning } from './e2e/pinned.js'
import { root } from './root.js'

/** What a figure depends on, besides the programs. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  /** GiB. */
  readonly memory: number
  readonly system: string
  /** Whether server and load had a core each. */
  readonly isPinned: boolean
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    isPinned: isPinning(),
  }
}

/** Figures of two machines say nothing about two programs. */
export const isSameMachine = (a: Machine, b: Machine): boolean =>
  a.processor === b.processor &&
  a.cores === b.cores &&
  a.memory === b.memory &&
  a.system === b.system &&
  a.isPinned === b.isPinned

/** The commit that is measured, and whether the files differ from it. */
export function thisCommit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
    const changes = git('status', '--porcelain', '--', 'src', 'benchmarks', ':!benchmarks/results')
    return git('rev-parse', '--short=12', 'HEAD') + (changes === '' ? '' : ' with changes')
  } catch {
    return 'unknown'
  }
}
