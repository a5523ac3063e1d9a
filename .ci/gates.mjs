// How much must be covered, and what is not.
import { readFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { filesIn, root } from './lib.mjs'

/** Per cent of lines and of branches that each folder must reach. */
const leastOf = (folder) => (['src/frame', 'src/protocol'].includes(folder) ? 100 : 95)

/** What c8 found out, one entry for each source that holds code. */
export function readCoverage(path = 'coverage/coverage-final.json') {
  return Object.entries(JSON.parse(readFileSync(path, 'utf8')))
    .map(([file, found]) => measure(relative(root, file), found))
    .filter(({ file }) => !holdsOnlyTypes(file))
    .sort((a, b) => (a.file < b.file ? -1 : 1))
}

/** Types leave nothing to run, and so nothing to cover. */
function holdsOnlyTypes(file) {
  const compiled = readFileSync(`dist/${file.replace(/\.ts$/, '.js')}`, 'utf8')
  return compiled.replace(/^\/\/.*$/gm, '').trim() === 'export {};'
}

function measure(file, { s, statementMap, b, branchMap }) {
  const missed = new Set()
  for (const [id, { start }] of Object.entries(statementMap)) if (s[id] === 0) missed.add(start.line)
  const missedBranches = new Set()
  for (const [id, { locations }] of Object.entries(branchMap))
    for (const [arm, count] of b[id].entries()) if (count === 0) missedBranches.add(locations[arm].start.line)
  const arms = Object.values(b).flat()
  return {
    file,
    lines: { all: Object.keys(s).length, hit: Object.values(s).filter(Boolean).length, missed },
    branches: { all: arms.length, hit: arms.filter(Boolean).length, missed: missedBranches },
  }
}

/** One line for each folder that is below its gate, and for each source that was not measured at all. */
export function gateFailures(coverage) {
  const measured = new Set(coverage.map(({ file }) => file))
  const failures = filesIn('src')
    .filter((file) => file.endsWith('.ts') && !measured.has(file) && !holdsOnlyTypes(file))
    .map((file) => `${file} is missing from the coverage`)
  for (const folder of new Set(coverage.map(({ file }) => dirname(file))))
    for (const kind of ['lines', 'branches']) {
      const files = coverage.filter(({ file }) => dirname(file) === folder)
      const percent = share(files.map((file) => file[kind]))
      const least = leastOf(folder)
      if (percent < least)
        failures.push(`${folder} has ${show(percent)} of its ${kind} covered, the gate is ${least} %`)
    }
  return failures
}

/** A line for each file: how much of it is covered, and where it is not. */
export function table(coverage) {
  const width = Math.max(...coverage.map(({ file }) => file.length))
  const rows = coverage.map(({ file, lines, branches }) => {
    const missed = [...lines.missed, ...branches.missed]
    const where = missed.length === 0 ? '' : `  not covered: ${ranges(missed)}`
    return `${file.padEnd(width)} ${show(share([lines])).padStart(8)} ${show(share([branches])).padStart(8)}${where}`
  })
  return [`${''.padEnd(width)} ${'lines'.padStart(8)} ${'branches'.padStart(8)}`, ...rows].join('\n')
}

function share(counts) {
  const all = counts.reduce((sum, count) => sum + count.all, 0)
  return all === 0 ? 100 : (100 * counts.reduce((sum, count) => sum + count.hit, 0)) / all
}

/** Rounded down, so that 100 % is all of it. */
const show = (percent) => `${Math.floor(percent * 100) / 100} %`

/** Line numbers as people write them: 3, 7-9. */
function ranges(lines) {
  const parts = []
  for (const line of [...new Set(lines)].sort((a, b) => a - b)) {
    const last = parts.at(-1)
    if (last?.[1] === line - 1) last[1] = line
    else parts.push([line, line])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
