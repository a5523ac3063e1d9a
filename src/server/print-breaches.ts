import type { Clock } from '../conn/clock.js'
import { WebSocketError } from '../errors.js'
import { printError } from './print-error.js'

/** Each limit is told of once in so many milliseconds. */
const QUIET_FOR = 60_000

interface Told {
  until: number
  untold: number
}

/**
 * What is told of errors where nobody listens: each on a line. Of breaches of one limit only one a minute, with how many
 * there were besides: peers must not be able to fill a log.
 */
export function errorPrinter(clock: Clock): (error: Error) => void {
  const told = new Map<string, Told>()
  return (error) => {
    const option = error instanceof WebSocketError ? error.breach?.option : undefined
    if (option === undefined) return printError(error)
    const before = told.get(option)
    const now = clock.now()
    if (before !== undefined && now < before.until) {
      before.untold++
      return
    }
    told.set(option, { until: now + QUIET_FOR, untold: 0 })
    printError(error, before?.untold ? ` (and ${before.untold} more since the last line)` : '')
  }
}
