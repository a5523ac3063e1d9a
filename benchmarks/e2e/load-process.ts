import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { here } from '../root.js'
import { end, LOAD_CORE, spawnPinned } from './pinned.js'
import { Questions } from './rpc.js'

/** The process that the load comes from, on a core of its own. */
export class LoadProcess {
  readonly #child: ChildProcess
  readonly #questions: Questions

  constructor() {
    const program = join(here, 'e2e/load/main.js')
    this.#child = spawnPinned(process.execPath, [program], { core: LOAD_CORE, ipc: true })
    this.#child.stdout?.resume()
    this.#questions = new Questions(this.#child)
  }

  ask<T = void>(name: string, argument?: unknown): Promise<T> {
    return this.#questions.ask<T>(name, argument)
  }

  stop(): Promise<void> {
    return end(this.#child)
  }
}
