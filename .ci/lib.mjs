// What the scripts share. They run before anything is built, so they are plain JavaScript for Node alone.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. Every script works from there. */
export const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

/** Every file under a folder, with the folder's own path in front; none when there is no such folder. */
export function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort()
}

/** Runs a command with our own input and output; resolves with its exit code, 1 when a signal ended it. */
export function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** The path of a tool that `npm ci` has installed. */
export const tool = (name) => join('node_modules', '.bin', name)
