import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { once } from '../support/index.js'
import { nodeLibrary } from './interop.js'
import { compressWithNode } from './interop-compress-suite.js'
import { interopWith } from './interop-suite.js'

// Node 20 has it behind a flag: there, this file runs once more in a process that was given the flag.
if (globalThis.WebSocket === undefined)
  test('Node’s WebSocket, with --experimental-websocket', async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const args = ['--experimental-websocket', '--enable-source-maps', '--test-reporter=tap']
    const child = spawn(process.execPath, [...args, fileURLToPath(import.meta.url)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output, code] = await Promise.all([text(child.stdout), once<number>(child, 'close')])
    assert.equal(code, 0, output)
    assert.match(output, /^# pass [1-9]/m)
  })
else {
  interopWith(nodeLibrary)
  compressWithNode()
}
