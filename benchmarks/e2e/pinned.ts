// Processes that keep to one core, so that server and load do not take time from each other.
import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Whether processes can be pinned here: there are two cores, and taskset to choose one. */
const canPin: boolean = availableParallelism() > 1 && succeeds('taskset', ['-c', '0,1', 'true'])

function succeeds(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let wantsPinned = true

/** Processes that only show that they work are not pinned: they would stand in the way of others, and they of them. */
export function pinProcesses(wanted: boolean): void {
  wantsPinned = wanted
}

/** Whether each process that is started has a core of its own. */
export const isPinning = (): boolean => canPin && wantsPinned

export const SERVER_CORE = 0
export const LOAD_CORE = 1

export interface PinnedOptions {
  readonly core: number
  readonly env?: Readonly<Record<string, string>>
  /** Opens a channel for questions; for Node only. */
  readonly ipc?: boolean
}

/** A command line that keeps to one core, and the environment that goes with it. */
export function pinned(
  command: string,
  args: readonly string[],
  options: Omit<PinnedOptions, 'ipc'>,
): { command: string; rest: string[]; env: NodeJS.ProcessEnv } {
  // Measured programs must not be slowed down by whoever measures how much of them is tested.
  const { NODE_V8_COVERAGE: _, ...rest } = process.env
  const env = { ...rest, ...options.env }
  if (!isPinning()) return { command, rest: [...args], env }
  return { command: 'taskset', rest: ['-c', `${options.core}`, command, ...args], env }
}

/** Starts a program on one core. Its output can be read, its errors are ours. */
export function spawnPinned(command: string, args: readonly string[], options: PinnedOptions): ChildProcess {
  const line = pinned(command, args, options)
  const stdio = options.ipc ? ['ignore', 'pipe', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit']
  return spawn(line.command, line.rest, { stdio: stdio as StdioOptions, env: line.env })
}

/** Ends a program that was started here; resolves when it is gone. */
export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
