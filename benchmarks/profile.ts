// Shows where a server spends its time while it is under load:
//
//     npm run bench:profile -- B events     scenario A, B, C, or A-tls … and subject
//
// The profile is written beside, for a browser's developer tools.
import { writeFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureEcho } from './e2e/measure-echo.js'
import { subjectOf } from './e2e/subjects.js'
import { digits } from './metrics.js'
import { root } from './root.js'
import { shapes } from './scenarios/shapes.js'
import { aligned } from './table.js'

const SHOWN = 25

const { positionals } = parseArgs({ allowPositionals: true })
const [scenario = 'A', name = 'events'] = positionals
const [id, tls] = scenario.split('-')
const shape = shapes[id?.toUpperCase() as keyof typeof shapes]
if (shape === undefined)
  throw new Error(`No load is called ${scenario}; known are A, B and C, and with TLS A-tls …`)

let profile: Profiler.Profile | undefined
const sample = await measureEcho({
  subject: subjectOf(name),
  shape,
  times: { warmUp: 1000, window: 3000 },
  options: { tls: tls === 'tls' },
  around: {
    before: (server) => server.ask('startProfile'),
    after: async (server) => {
      profile = await server.ask<Profiler.Profile>('stopProfile')
    },
  },
})

const file = `${scenario}-${name}.cpuprofile`
writeFileSync(file, JSON.stringify(profile))
console.log(`${digits(sample.cpuPerMessage)} µs per message, profiling included; the profile is in ${file}\n`)
console.log(aligned([['function', 'self', 'where'], ...selfTimes(profile!)]))
process.exit()

/** The functions that took most time themselves. */
function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): string[][] {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const times = new Map<string, number>()
  let total = 0
  for (const [i, node] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(node)!
    const key = `${functionName || '(anonymous)'}\n${placeOf(url, lineNumber)}`
    const time = timeDeltas[i] ?? 0
    times.set(key, (times.get(key) ?? 0) + time)
    total += time
  }
  const most = [...times].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
  return most.map(([key, time]) => {
    const [name = '', place = ''] = key.split('\n')
    return [name, `${((100 * time) / total).toFixed(1)} %`, place]
  })
}

function placeOf(url: string, line: number): string {
  if (url === '') return ''
  return `${url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url}:${line + 1}`
}
