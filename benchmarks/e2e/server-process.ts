import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { here } from '../root.js'
import { end, SERVER_CORE, spawnPinned } from './pinned.js'
import { Questions } from './rpc.js'
import type { ServerOptions } from './servers/serve.js'
import type { Usage } from './servers/usage.js'
import { programOf, type Subject } from './subjects.js'

/** A server in a process of its own, on a core of its own. */
export class ServerProcess {
  readonly subject: Subject
  readonly port: number
  readonly #child: ChildProcess
  readonly #questions: Questions | undefined

  private constructor(subject: Subject, port: number, child: ChildProcess, questions: Questions | undefined) {
    this.subject = subject
    this.port = port
    this.#child = child
    this.#questions = questions
  }

  static async start(subject: Subject, options: Partial<ServerOptions> = {}): Promise<ServerProcess> {
    const isNode = subject.runtime === 'node'
    const args = [...flagsOf(subject), join(here, 'e2e/servers', subject.script), JSON.stringify(options)]
    const env = subject.env ?? {}
    const child = spawnPinned(programOf(subject), args, { core: SERVER_CORE, env, ipc: isNode })
    const questions = isNode ? new Questions(child) : undefined
    try {
      return new ServerProcess(subject, await portOf(child), child, questions)
    } catch (error) {
      await end(child)
      throw error
    }
  }

  usage(): Promise<Usage> {
    return this.#questions?.ask<Usage>('usage') ?? Promise.resolve(usageOf(this.#child.pid ?? 0))
  }

  /** Whether it runs in Node; others tell their usage only. */
  get canBeAsked(): boolean {
    return this.#questions !== undefined
  }

  /** Anything else that a server in Node answers to. */
  ask<T = void>(name: string): Promise<T> {
    if (this.#questions === undefined)
      return Promise.reject(new Error(`${this.subject.label} answers nothing`))
    return this.#questions.ask<T>(name)
  }

  stop(): Promise<void> {
    return end(this.#child)
  }
}

const FLAGS = {
  node: ['--expose-gc'],
  bun: [],
  deno: ['run', '--quiet', '--allow-net', '--allow-read', '--allow-env'],
}

const flagsOf = ({ runtime }: Subject): readonly string[] => FLAGS[runtime]

/** The port that a server prints when it listens. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The server did not listen within 20 s')), 20_000)
    child.once('error', reject)
    child.once('exit', () => reject(new Error('The server ended before it listened')))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const port = /^port (\d+)$/.exec(line)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(Number(port))
    })
  })
}

/** Linux counts processor time in hundredths of a second (proc_pid_stat(5)). */
const TICK = 10_000

/** What the system knows about a process that cannot be asked. */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name may hold spaces; the third field comes behind its parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) * TICK,
    at: performance.now(),
    rss: kilobytes(status, 'VmRSS') * 1024,
    peak: kilobytes(status, 'VmHWM') * 1024,
    heap: 0,
    young: 0,
  }
}

const kilobytes = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
