import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { upgrade } from '../../src/index.js'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { runMain } from './run-main.js'

/** A command that the README shows, and what it prints. */
interface Session {
  readonly args: readonly string[]
  readonly output: string
}

/** The fences behind `<!-- session -->`: each line with `$` is a command, and what stands behind it is its output. */
function sessions(): Session[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  const fences = [...text.matchAll(/^<!-- session -->\n```text\n([\s\S]*?)^```$/gm)]
  return fences.flatMap(([, fence = '']) =>
    fence
      .split(/^\$ fastws /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return { args: part.slice(0, end).split(' '), output: part.slice(end + 1) }
      }),
  )
}

describe('README.md', () => {
  for (const { args, output } of sessions())
    test(`tells what fastws ${args.join(' ')} prints`, async (t) => {
      const server = createServer(
        upgrade(async (conn) => {
          for await (const message of conn) await conn.send(message)
        }),
      )
      const port = String(await listen(t, server))
      const { stdout } = await runMain(
        ...args.map((arg) => arg.replace('localhost:8080', `127.0.0.1:${port}`)),
        '--parallel',
        '1',
      )
      assert.equal(stdout.replaceAll(port, '8080').replaceAll('127.0.0.1', 'localhost'), output)
    })

  test('shows the command at work', () => assert.ok(sessions().length > 1))
})
