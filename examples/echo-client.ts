// Sends lines, and prints what comes back and how long it took:
//
//     node dist/examples/echo-client.js [--url ws://localhost:8080] [text]
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { dial, HandshakeError } from 'fastws'
import { escapeControls } from './escape-controls.js'

type Lines = Iterable<string> | AsyncIterable<string>

export async function start(url: string, lines: Lines, print: (line: string) => void) {
  await using conn = await dial(url) // closed when this function ends, whichever way
  print(`Connected to ${url}; a ping took ${(await conn.ping()).toFixed(2)} ms`)
  for await (const line of lines) {
    const sentAt = performance.now()
    await conn.send(line)
    const reply = await conn.read()
    if (reply === null) break // the server has closed the connection
    print(`< ${escapeControls(reply.text())} (${(performance.now() - sentAt).toFixed(2)} ms)`)
  }
}

/** The input is opened when the first line is asked for: what comes before somebody listens would be lost. */
async function* inputLines() {
  yield* createInterface({ input: process.stdin })
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { url: { type: 'string', default: 'ws://localhost:8080' } },
    allowPositionals: true,
  })
  const text = positionals.join(' ')
  if (text === '' && process.stdin.isTTY) console.log('Type a line and press Enter; Ctrl+D ends it.')
  await start(values.url, text === '' ? inputLines() : [text], console.log)
}

if (process.argv[1] === import.meta.filename)
  await main().catch((error) => {
    console.error(escapeControls(error.message))
    if (error instanceof HandshakeError) console.error('Does the server run? `npm run echo` starts one.')
    process.exitCode = 1
  })
