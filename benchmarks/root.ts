import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. Compiled benchmarks lie in `dist/benchmarks/`. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Where compiled benchmarks lie. */
export const here = fileURLToPath(new URL('./', import.meta.url))

/** Finds packages in `benchmarks/node_modules`, and failing that among the tools of the repository. */
const requireFromHere = createRequire(join(root, 'benchmarks/package.json'))

/** Loads a package that fastws is measured against. */
export const loadPeer = <T>(name: string): T => requireFromHere(name) as T

/** The version of a package; undefined when it is not installed. */
export function peerVersion(name: string, from: NodeJS.Require = requireFromHere): string | undefined {
  for (const folder of from.resolve.paths(name) ?? [])
    try {
      return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version
    } catch {
      // Not in this folder: packages may keep their manifest to themselves, so it is looked for as a file.
    }
  return undefined
}
