// Writes benchmarks/README.md and its pictures from the files in benchmarks/results/:
//
//     npm run bench:report
//     npm run bench:report -- FOLDER        for a folder with results/ in it that lies elsewhere
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reportText } from './report/markdown.js'
import { plotsOf } from './report/plots.js'
import { lastOfEach } from './results-files.js'
import { root } from './root.js'

/** Writes the report of a folder. */
export function writeReport(folder: string): void {
  const reported = lastOfEach(join(folder, 'results'))
  if (reported.length === 0) throw new Error(`There is nothing to report in ${join(folder, 'results')}`)
  const plots = plotsOf(reported.map(({ scenario }) => scenario))
  rmSync(join(folder, 'plots'), { recursive: true, force: true })
  mkdirSync(join(folder, 'plots'))
  for (const { file, svg } of plots) writeFileSync(join(folder, 'plots', file), svg)
  writeFileSync(join(folder, 'README.md'), `${reportText(reported, plots)}\n`)
}

if (import.meta.filename === process.argv[1]) writeReport(process.argv[2] ?? join(root, 'benchmarks'))
