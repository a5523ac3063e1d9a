import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { root } from '../support/root.js'
import { PROGRAM, startTool } from './run-tool.js'

interface Step {
  readonly command: string
  readonly output: string
}

/** What stands in the fences behind `<!-- session: talk -->`: lines with `$`, and what is printed behind them. */
function stepsOf(file: string): Step[] {
  const text = readFileSync(join(root, file), 'utf8')
  const fences = [...text.matchAll(/^<!-- session: talk -->\n```text\n([\s\S]*?)^```$/gm)]
  return fences.flatMap(([, fence = '']) =>
    fence
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return { command: part.slice(0, end), output: part.slice(end + 1) }
      }),
  )
}

/** Without what is another one each time. */
const plain = (output: string): string =>
  output
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:8080')
    .replace(/^ +\d+\.\d ms/gm, '      0.0 ms')
    .replace(/in \d+\.\d s$/gm, 'in 0.0 s')
    .replace(/masked [0-9a-f]{8}/g, 'masked 37fa213d')

/** Lines in any order: stdout and stderr are two streams. */
const lines = (output: string): string[] => plain(output).split('\n').sort()

/** The same, with time for a machine that stands still; what is printed does not tell. */
const patient = (command: string): string =>
  command
    .replace(/^fastws send /, 'fastws send --patience 60000 ')
    .replace('| fastws connect ', '| fastws connect --wait 3000 ')

/** Runs a line in a shell, where `fastws` is the program that was built. */
async function shell(command: string): Promise<string> {
  const script = `fastws() { "${process.execPath}" "${PROGRAM}" "$@"; }\n${command}`
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  await once(child, 'close')
  return output
}

/** Servers run on, until the next one, or the end; what they have printed is compared then. */
async function follow(t: TestContext, steps: readonly Step[]): Promise<void> {
  let finish = async (): Promise<void> => undefined
  let url = 'ws://127.0.0.1:8080'
  for (const { command, output } of steps) {
    if (!command.startsWith('fastws serve ')) {
      assert.deepEqual(
        lines(await shell(patient(command.replace('ws://127.0.0.1:8080', url)))),
        lines(output),
        command,
      )
      continue
    }
    await finish()
    const tool = startTool(t, ...command.replace('8080', '0').split(' ').slice(1))
    url = (await tool.printed(/ws:\S+:\d+/))[0]
    finish = async () => {
      tool.child.kill('SIGINT')
      await tool.code
      assert.equal(plain(tool.out()).replace(/^stopped after .*\n$/m, ''), output, command)
    }
  }
  await finish()
}

describe('what the documents show of connect, serve and send', () => {
  for (const file of ['README.md', 'docs/talking.md'])
    test(`is what they print: ${file}`, async (t) => {
      const steps = stepsOf(file)
      assert.ok(steps.length > 2)
      await follow(t, steps)
    })
})
