// Runs every case of `fastws check` against a library, as server and as client, each in a process of its own, and holds
// the results against test/conformance/expected.json: node .ci/conformance.mjs [fastws | fastws-plain | ws] [options of fastws check]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import './lib.mjs'

const [first = 'fastws', ...rest] = process.argv.slice(2)
const library = first.startsWith('-') ? 'fastws' : first
const options = first.startsWith('-') ? [first, ...rest] : rest

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

async function timed(name, child) {
  const begin = performance.now()
  const [code] = await once(child, 'exit')
  console.log(`${name} took ${((performance.now() - begin) / 1000).toFixed(1)} s`)
  return code
}

async function checkServer() {
  const server = start([PROGRAM, 'server', library], ['ignore', 'pipe', 'inherit'])
  try {
    const url = `ws://127.0.0.1:${await firstLine(server.stdout)}/`
    return await timed(`${library} server`, start(check(`${library} server`, url), 'inherit'))
  } finally {
    server.kill()
  }
}

async function checkClient() {
  const args = check(`${library} client`, '--serve', '0', '--once')
  const serving = start(args, ['ignore', 'inherit', 'pipe'])
  const done = timed(`${library} client`, serving)
  const url = (await firstLine(serving.stderr)).replace(/^.*(ws:\S+)\/$/, '$1')
  serving.stderr.pipe(process.stderr)
  const client = start([PROGRAM, 'client', library, url], 'inherit')
  try {
    return await done
  } finally {
    client.kill()
  }
}

const codes = [await checkServer(), await checkClient()]
process.exitCode = codes.every((code) => code === 0) ? 0 : 1
