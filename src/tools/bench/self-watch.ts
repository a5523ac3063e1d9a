/** Watches this process itself: a load generator that is busy all the time measures itself. */
import { performance } from 'node:perf_hooks'

export interface SelfReport {
  /** Share of the time in which the event loop had something to do, and of one processor that was used. */
  readonly busy: number
  readonly cpu: number
}

export class SelfWatch {
  readonly #loop = performance.eventLoopUtilization()
  readonly #cpu = process.cpuUsage()
  readonly #begin = performance.now()

  report(): SelfReport {
    const { user, system } = process.cpuUsage(this.#cpu)
    const elapsed = Math.max(1, performance.now() - this.#begin)
    return {
      busy: performance.eventLoopUtilization(this.#loop).utilization,
      cpu: (user + system) / 1000 / elapsed,
    }
  }
}
