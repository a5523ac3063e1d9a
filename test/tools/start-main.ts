import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { main } from '../../src/tools/main.js'

/** `fastws check --serve` in this process: where it listens, and what it comes to. */
export interface Serving {
  readonly url: string
  readonly done: Promise<number>
  readonly lines: readonly string[]
  readonly notes: readonly string[]
}

export async function serveMain(...args: readonly string[]): Promise<Serving> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const lines: string[] = []
  const notes: string[] = []
  createInterface(stdout).on('line', (line) => lines.push(line))
  const noted = createInterface(stderr).on('line', (line) => notes.push(line))
  const done = main(['check', '--serve', '0', ...args], { stdout, stderr })
  await new Promise((resolve) => noted.once('line', resolve))
  const url = notes[0]?.match(/ws:\S+[^/\s]/)?.[0] ?? ''
  return { url, done, lines, notes }
}
