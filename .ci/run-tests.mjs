import { availableParallelism } from 'node:os'
import { filesIn, run } from './lib.mjs'

/** A test file that takes longer than this hangs: the longest take a minute, and other machines are slower. */
const TIMEOUT = 600_000

/**
 * Where a name has several addresses, as localhost may, Node gives each a quarter of a second: on a busy machine it gives
 * up the right one. In the environment, because programs that tests start are to be as patient.
 */
const PATIENCE = '--network-family-autoselection-attempt-timeout=60000'

/**
 * The compiled test files of some parts: a folder or a file below test/, without its ending; all of them when none is
 * given. As a list, because Node 20 expands no patterns, and takes a folder for something else than Node 22 does.
 */
export function testFiles(parts = []) {
  const all = filesIn('dist/test').filter((path) => path.endsWith('.test.js'))
  if (parts.length === 0) return all
  const chosen = parts.map((part) =>
    part.replace(/^(?:dist\/)?test\//, '').replace(/(?:\.test)?\.[jt]s$/, ''),
  )
  return all.filter((path) =>
    chosen.some((part) => path === `dist/test/${part}.test.js` || path.startsWith(`dist/test/${part}/`)),
  )
}

/** Runs test files with a Node of choice; resolves with the exit code. `summary` names a file for the last lines. */
export function runTests(files, { node = process.execPath, env = {}, summary } = {}) {
  if (files.length === 0) {
    console.error('No test file fits: is it built, is the name right?')
    return Promise.resolve(1)
  }
  const args = ['--enable-source-maps', '--test', `--test-timeout=${TIMEOUT}`]
  args.push(`--test-concurrency=${Math.max(2, availableParallelism())}`)
  args.push('--test-reporter=spec', '--test-reporter-destination=stdout')
  if (summary) args.push('--test-reporter=./.ci/summary.mjs', `--test-reporter-destination=${summary}`)
  const { NODE_OPTIONS = '' } = process.env
  return run(node, [...args, ...files], { NODE_OPTIONS: `${NODE_OPTIONS} ${PATIENCE}`.trim(), ...env })
}
