import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Frame } from '../../src/frame/index.js'
import { upgrade } from '../../src/index.js'
import type { WireEvent } from '../../src/tools/recording/events.js'
import { recordOf, sessionRecord } from '../../src/tools/recording/lines.js'
import { readRecording } from '../../src/tools/recording/read.js'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { runMain } from './run-main.js'
import { startTool } from './run-tool.js'
import { folderFor } from './wire-program.js'

const readAll = (text: string): WireEvent[] => [...readRecording(text)]

const document = (path: string): string => readFileSync(join(root, path), 'utf8')

/** A command that a document shows, as words, and what it prints. */
interface Step {
  readonly line: string
  readonly words: readonly string[]
  readonly output: string
}

/** Every line with `$` in the fences behind `<!-- proxy session -->`. */
function stepsOf(path: string): Step[] {
  const fences = [...document(path).matchAll(/^<!-- proxy session -->\n```text\n([\s\S]*?)^```$/gm)]
  const parts = fences.flatMap(([, fence = '']) => fence.split(/^\$ fastws /m).slice(1))
  return parts.map((part) => {
    const end = part.indexOf('\n')
    const line = part.slice(0, end)
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
    return { line, words, output: part.slice(end + 1) }
  })
}

/** What is other each time: times, keys, ports, bytes that follow from them. */
const shape = (text: string): string =>
  text
    .replace(/^(#1)? +[\d.]+ ms/gm, '$1 T ms')
    .replace(/masked [0-9a-f]{8}/g, 'masked K')
    .replace(/(Sec-WebSocket-(?:Key|Accept)): .*/g, '$1: K')
    .replace(/\d+ bytes [0-9a-f]{12,}/g, 'N bytes X')
    .replace(/\(\d+ bytes sent, \d+ received\)/g, '(N bytes sent, N received)')
    .replace(/(?:127\.0\.0\.1|localhost):\d+/g, 'localhost')

/** Lines in any order: stdout and stderr are two streams. */
const lines = (text: string): string[] => shape(text).split('\n').sort()

/** Time for a machine that stands still; what is printed does not tell. */
const PATIENCE: Readonly<Record<string, readonly string[]>> = {
  connect: ['--wait', '60000'],
  send: ['--patience', '60000'],
  replay: ['--patience', '60000'],
}

/** The server of above: the README has it in other words, and compression off as well. */
const echo = async (t: TestContext): Promise<string> => {
  const door = upgrade({ message: (conn, message) => conn.send(message) })
  return `127.0.0.1:${await listen(t, createServer(door))}`
}

/** Runs every line as it stands, but for ports and the folder of the recording. */
async function follow(t: TestContext, steps: readonly Step[]): Promise<void> {
  const recording = join(folderFor(t), 'session.jsonl')
  const places = new Map([['8080', await echo(t)]])
  /** Those that run until Ctrl+C, by what ends them. */
  const running = new Map<string, () => Promise<void>>()

  async function start({ line, words, output }: Step, port: string): Promise<void> {
    const tool = startTool(t, ...words.map((word) => (word === port ? '0' : here(word))))
    const [, place = ''] = await tool.printed(/(?:listening on |echo at ws:\/\/)(127\.0\.0\.1:\d+)/)
    places.set(port, place)
    running.set(words[0] ?? '', async () => {
      if (words[0] === 'proxy') await tool.printed(/ended the connection .*\n/)
      tool.child.kill('SIGINT')
      assert.equal(await tool.code, 0, line)
      const printed = `${tool.err()}${tool.out()}`.replace(/^stopped after .*\n$/m, '')
      assert.equal(shape(printed), shape(output), line)
    })
  }

  const here = (word: string): string =>
    word
      .replace('session.jsonl', recording)
      .replace(/localhost:(\d+)/, (_, port: string) => places.get(port) ?? assert.fail(port))

  for (const step of steps) {
    const [name = ''] = step.words
    if (name === 'serve') await start(step, '8080')
    else if (name === 'proxy') await start(step, '9000')
    else {
      // Somebody who types is slower than a disk: for a program, a recording is whole when the proxy has ended.
      if (name === 'replay') await running.get('proxy')?.()
      const tool = startTool(t, ...step.words.map(here), ...(PATIENCE[name] ?? []))
      tool.child.stdin.end()
      assert.equal(await tool.code, 0, tool.err())
      assert.deepEqual(lines(`${tool.out()}${tool.err()}`), lines(step.output), step.line)
    }
  }
  await running.get('serve')?.()
}

for (const [path, programs] of [
  ['README.md', ['proxy', 'connect', 'replay']],
  ['docs/tools.md', ['serve', 'proxy', 'send', 'replay']],
] as const)
  test(`${path} tells what fastws proxy and fastws replay print`, async (t) => {
    const steps = stepsOf(path)
    assert.deepEqual(
      steps.map(({ words }) => words[0]),
      programs,
    )
    await follow(t, steps)
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
