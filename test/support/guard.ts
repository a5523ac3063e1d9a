/**
 * For `describe()` and `test()`: who waits for ever is ended, and named. It is far more than the slowest machine needs,
 * and less than a whole file has (`.ci/run-tests.mjs`).
 */
export const GUARD = { timeout: 300_000 } as const
