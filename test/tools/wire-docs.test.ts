import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Frame } from '../../src/frame/index.js'
import { dial, upgrade } from '../../src/index.js'
import type { WireEvent } from '../../src/tools/recording/events.js'
import { recordOf, sessionRecord } from '../../src/tools/recording/lines.js'
import { readRecording } from '../../src/tools/recording/read.js'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { runMain } from './run-main.js'
import { folderFor, startProgram } from './wire-program.js'

const readAll = (text: string): WireEvent[] => [...readRecording(text)]

const document = (path: string): string => readFileSync(join(root, path), 'utf8')

/** What is other each time: times, keys, ports, bytes that follow from them. */
const shape = (text: string): string =>
  text
    .replace(/^#1 +[\d.]+ ms/gm, '#1 T ms')
    .replace(/masked [0-9a-f]{8}/g, 'masked K')
    .replace(/(Sec-WebSocket-(?:Key|Accept)): .*/g, '$1: K')
    .replace(/\d+ bytes [0-9a-f]{12,} inflated/g, 'N bytes X inflated')
    .replace(/\(\d+ bytes sent, \d+ received\)/g, '(N bytes sent, N received)')
    .replace(/(?:127\.0\.0\.1|localhost):\d+/g, 'localhost')

/** An echo, as the README has one. */
async function echo(t: TestContext): Promise<number> {
  const door = upgrade(
    async (conn) => {
      for await (const message of conn) await conn.send(message)
    },
    { compress: true },
  )
  return listen(t, createServer(door))
}

for (const path of ['README.md', 'docs/tools.md'])
  test(`${path} tells what fastws proxy and fastws replay print`, async (t) => {
    const [, fence = ''] = /^<!-- proxy session -->\n```text\n([\s\S]*?)^```$/m.exec(document(path)) ?? []
    const [, proxied, replayed] = fence.split(/^\$ .*\n/m)
    const target = `ws://127.0.0.1:${await echo(t)}`
    const recording = join(folderFor(t), 'session.jsonl')
    const program = startProgram(t, ['proxy', '0', target, '--record', recording])
    const [, address] = await program.note(/listening on (\S+),/)
    const conn = await dial(`ws://${address}`, { compress: { threshold: 0 } })
    await conn.send('hello hello hello hello')
    await conn.read()
    await conn.close()
    await program.line(/ended the connection/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
    assert.equal(shape(`${program.lines.join('\n')}\n`), shape(proxied ?? ''))
    const { code, stdout } = await runMain('replay', recording, target, '--expect')
    assert.deepEqual([code, stdout], [0, replayed])
  })

describe('docs/recordings.md', () => {
  const text = document('docs/recordings.md')
  const base = { conn: 1, at: 1, faults: [] }
  const frame = new Frame({ payload: 'x' })
  const events: WireEvent[] = [
    { type: 'handshake', ...base, request: { line: '', fields: [] }, response: undefined },
    { type: 'frame', ...base, direction: 'sent', frame, offset: 0 },
    { type: 'stop', ...base, direction: 'sent', offset: 0, reason: '' },
    { type: 'end', ...base, direction: 'sent', how: 'end', sent: 0, received: 0 },
  ]

  for (const record of [sessionRecord('', new Date(0), null), ...events.map(recordOf)] as { type: string }[])
    test(`names every field of ${record.type}`, () => {
      const [common = '', ...sections] = text.split(/^## /m).slice(1)
      const section = sections.find((one) => one.startsWith(`${record.type}\n`)) ?? ''
      for (const field of Object.keys(record))
        assert.ok(`${common}${section}`.includes(`\`${field}\``), field)
    })

  test('shows lines that can be read', () => {
    const [, lines = ''] = /```text\n([\s\S]*?)```/.exec(text) ?? []
    const read = readAll(lines)
    assert.deepEqual(
      read.map(({ type }) => type),
      ['handshake', 'frame', 'end'],
    )
    const shown = lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(read.map(recordOf), shown.slice(1))
    assert.deepEqual(Object.keys(shown[0]), Object.keys(sessionRecord('', new Date(0), null)))
  })
})

for (const name of ['dump', 'proxy', 'replay'])
  test(`docs/tools.md tells of every option of fastws ${name}`, async () => {
    const text = document('docs/tools.md')
    const section = text.split(/^## /m).find((one) => one.startsWith(`fastws ${name}\n`)) ?? ''
    const { stdout } = await runMain(name, '--help')
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option)
    const own = options.slice(0, name === 'replay' ? 7 : undefined) // behind them stand those of connect
    const left = own.filter((option) => !['--help', '--json'].includes(option) && !section.includes(option))
    assert.deepEqual(left, [])
  })
