import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './root.js'

/** A download that does not go on is begun again in time. */
const PATIENCE = ['--fetch-timeout=60000', '--fetch-retries=4']

const execute = promisify(execFile)

/** npm leaves this behind: a list of what it has installed. */
const INSTALLED = 'node_modules/.package-lock.json'

const changed = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1

/** Installs what a folder's own lock file names, where that is not done yet. What the product needs is never among it. */
export async function install(folder: string): Promise<string> {
  const path = join(root, folder)
  const { NODE_V8_COVERAGE: _, ...env } = process.env
  const npm = (): Promise<unknown> =>
    execute('npm', ['--prefix', path, 'ci', '--no-audit', '--no-fund', ...PATIENCE], { cwd: root, env })
  // Once more, if need be: what comes over a network may break off.
  if (changed(join(path, INSTALLED)) < changed(join(path, 'package-lock.json'))) await npm().catch(npm)
  return path
}
