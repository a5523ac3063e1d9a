// Runs every case of `fastws check` against a library, as server and as client, each in a process of its own, and holds
// the results against test/conformance/expected.json: node .ci/conformance.mjs [fastws | fastws-plain | ws] [options of fastws check]
// Each role has a minute for all but the groups that move gigabytes, and five minutes for all cases: longer is a failure, too.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import './lib.mjs'

const [first = 'fastws', ...rest] = process.argv.slice(2)
const library = first.startsWith('-') ? 'fastws' : first
const options = first.startsWith('-') ? [first, ...rest] : rest

/** What each role plays, one after the other, and the seconds it may have taken since it began. */
const PARTS = options.some((option) => /^--(?:cases|report)\b/.test(option))
  ? [{ name: 'the chosen cases', cases: [], limit: 300 }]
  : [
      { name: 'all but groups 9, 12 and 13', cases: ['--cases', '!9,!12,!13'], limit: 60 },
      { name: 'all cases', cases: ['--cases', '9,12,13'], limit: 300 },
    ]

const PROGRAM = 'dist/test/tools/echo-program.js'
const start = (args, stdio) => spawn(process.execPath, args, { stdio })

/** The first line that a program prints. */
async function firstLine(stream) {
  const [line] = await once(createInterface(stream), 'line')
  return line
}

const check = (agent, ...args) => [
  'dist/src/tools/bin.js',
  ...['check', ...args, '--agent', agent, '--expect', 'test/conformance/expected.json', ...options],
]

const exit = async (child) => (await once(child, 'exit'))[0] === 0

/** Plays the parts of one role; false when a case is not as expected, or when it took too long. */
async function timed(role, play) {
  const begin = performance.now()
  let isGood = true
  for (const { name, cases, limit } of PARTS) {
    const isExpected = await play(cases)
    const took = (performance.now() - begin) / 1000
    console.log(`${library} ${role}: ${name} took ${took.toFixed(1)} s of ${limit} s`)
    if (took > limit) console.error(`${library} ${role}: ${name} took too long`)
    isGood &&= isExpected && took <= limit
  }
  return isGood
}

async function checkServer() {
  const server = start([PROGRAM, 'server', library], ['ignore', 'pipe', 'inherit'])
  try {
    const url = `ws://127.0.0.1:${await firstLine(server.stdout)}/`
    return await timed('server', (cases) => exit(start(check(`${library} server`, url, ...cases), 'inherit')))
  } finally {
    server.kill()
  }
}

async function playClient(cases) {
  const args = check(`${library} client`, '--serve', '0', '--once', ...cases)
  const serving = start(args, ['ignore', 'inherit', 'pipe'])
  const done = exit(serving)
  const url = (await firstLine(serving.stderr)).replace(/^.*(ws:\S+)\/$/, '$1')
  serving.stderr.pipe(process.stderr)
  const client = start([PROGRAM, 'client', library, url], 'inherit')
  try {
    return await done
  } finally {
    client.kill()
  }
}

const isGood = [await checkServer(), await timed('client', playClient)]
process.exitCode = isGood.every(Boolean) ? 0 : 1
