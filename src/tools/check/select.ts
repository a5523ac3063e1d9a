import { UsageError } from '../command.js'
import type { Case } from './case.js'

/** Whether a pattern names a case: its number, its beginning with `.*` behind it, or `*`. */
function names(pattern: string, id: string): boolean {
  if (pattern === '*') return true
  if (!pattern.endsWith('*')) return id === pattern || id.startsWith(`${pattern}.`)
  return id.startsWith(pattern.slice(0, -1))
}

/**
 * Picks cases by a list of patterns, as in `1.*,7.3.*` or `*,!9.*`: a pattern with `!` takes away again.
 *
 * @throws UsageError when a pattern names no case.
 */
export function selectCases(cases: readonly Case[], selection: string): readonly Case[] {
  const patterns = selection.split(',').map((pattern) => pattern.trim())
  const isOnlyLess = patterns.every((pattern) => pattern.startsWith('!'))
  const chosen = new Set<Case>(isOnlyLess ? cases : [])
  for (const pattern of patterns) {
    const isLess = pattern.startsWith('!')
    const found = cases.filter(({ id }) => names(isLess ? pattern.slice(1) : pattern, id))
    if (found.length === 0) throw new UsageError(`--cases: there is no case '${pattern}'`)
    for (const one of found) isLess ? chosen.delete(one) : chosen.add(one)
  }
  return cases.filter((one) => chosen.has(one))
}
