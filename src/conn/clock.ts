/** Where time comes from: replaced in tests, so that every timeout can be tested without waiting. */
export interface Clock {
  /** Milliseconds; only differences matter. Never goes back. */
  now(): number
  /** Calls back once after so many milliseconds; what it returns is given to `clearTimer`. Must not keep the process alive. */
  setTimer(callback: () => void, milliseconds: number): unknown
  /** Stops a timer that has not called back yet. */
  clearTimer(timer: unknown): void
}

/** The system's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, milliseconds) => setTimeout(callback, milliseconds).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
