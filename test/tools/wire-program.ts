import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { root } from '../support/root.js'

/** The command `fastws` as a process of its own. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams
  /** Lines of stdout and stderr so far. */
  readonly lines: readonly string[]
  readonly notes: readonly string[]
  /** Resolves with the first line of either that fits. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  note(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with its exit code, or with the signal that ended it. */
  readonly exit: Promise<number | string>
}

export function startProgram(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  const program = join(root, 'dist/src/tools/bin.js')
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } })
  t.after(() => child.kill('SIGKILL'))
  const [out, err] = [linesOf(child.stdout), linesOf(child.stderr)]
  const exit = once(child, 'close').then(([code, signal]) => code ?? signal)
  return { child, lines: out.lines, notes: err.lines, line: out.find, note: err.find, exit }
}

function linesOf(stream: NodeJS.ReadableStream): {
  lines: string[]
  find: (pattern: RegExp) => Promise<RegExpExecArray>
} {
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const one of [...waiting]) one()
  }
  createInterface(stream)
    .on('line', (line) => {
      lines.push(line)
      look()
    })
    .on('close', look)
  const find = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve) => {
      const one = (): void => {
        const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null)
        if (!found) return
        waiting.delete(one)
        resolve(found)
      }
      waiting.add(one)
      one()
    })
  return { lines, find }
}

/** A folder of its own for what a test writes. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fastws-wire-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Everything that was written to a stream so far; newer Nodes give it chunk by chunk. */
export function written(stream: NodeJS.ReadableStream): string {
  let text = ''
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
  return text
}
