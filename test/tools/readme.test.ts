import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { upgrade } from '../../src/index.js'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { runMain } from './run-main.js'

/** A command that a document shows, and what it prints. */
interface Session {
  readonly args: readonly string[]
  readonly output: string
  /** Its numbers are others each time. */
  readonly varies: boolean
}

/** The fences behind `<!-- session -->`: each line with `$` is a command, and what stands behind it is its output. */
function sessions(path: string): Session[] {
  const text = readFileSync(join(root, path), 'utf8')
  const fences = [...text.matchAll(/^<!-- session(: numbers vary)? -->\n```text\n([\s\S]*?)^```$/gm)]
  return fences.flatMap(([, varies, fence = '']) =>
    fence
      .split(/^\$ fastws /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return {
          args: part.slice(0, end).split(' '),
          output: part.slice(end + 1),
          varies: varies !== undefined,
        }
      }),
  )
}

/** What stays the same when numbers do not: figures, bars and widths go, and lines that are then alike count once. */
function shape(output: string): string[] {
  const lines = output.split('\n').map((line) =>
    line
      .replace(/[\d,.]*\d/g, '#')
      .replace(/[█-▏]+/g, '')
      .replace(/ [KMG]iB\/s| B\/s/g, ' B/s')
      .replace(/ +/g, ' '),
  )
  return lines.filter((line, i) => line !== lines[i - 1])
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  // One at a time, so that results keep their order; and with more patience, for a machine that is busy.
  check: ['--parallel', '1', '--timeout', '60000', '--reaction', '5000'],
}

for (const path of ['README.md', 'docs/tools.md'])
  describe(path, () => {
    for (const { args, output, varies } of sessions(path))
      test(`tells what fastws ${args.join(' ')} prints`, async (t) => {
        const server = createServer(
          upgrade(async (conn) => {
            for await (const message of conn) await conn.send(message)
          }),
        )
        const port = String(await listen(t, server))
        const { stdout } = await runMain(
          ...args.map((arg) => arg.replace('localhost:8080', `127.0.0.1:${port}`)),
          ...(OPTIONS[args[0] ?? ''] ?? []),
        )
        const printed = stdout.replaceAll(`127.0.0.1:${port}`, 'localhost:8080')
        if (varies) assert.deepEqual(shape(printed), shape(output))
        else assert.equal(printed, output)
      })

    test('shows the command at work', () => assert.ok(sessions(path).length > 1))
  })
