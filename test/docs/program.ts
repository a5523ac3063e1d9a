import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { root } from '../support/root.js'

/** How a program ended. */
export interface Outcome {
  readonly code: number | null
  readonly out: readonly string[]
  readonly err: string
}

/** A program under test, in a process of its own; killed when its test ends. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #out: string[] = []
  #err = ''
  #news: () => void = () => undefined
  /** Resolves when it has ended and everything it said is here. */
  readonly ended: Promise<Outcome>

  /** Runs a compiled file, a path below `dist/`, as a user does. */
  constructor(t: TestContext, path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [join('dist', path), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
    })
    t.after(() => this.#child.kill('SIGKILL'))
    this.#child.stderr.on('data', (chunk) => {
      this.#err += chunk
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#out.push(line)
      this.#news()
    })
    this.ended = once(this.#child, 'close').then(([code]) => {
      this.#news()
      return { code, out: this.#out, err: this.#err }
    })
  }

  /** Waits until it prints a line that fits; gives what the pattern captured, or the line. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#out.map((line) => pattern.exec(line)).find((match) => match !== null)
      if (found) return found[1] ?? found[0]
      if (this.#child.exitCode !== null)
        throw new Error(
          `It ended before it printed ${pattern}; it said:\n${this.#out.join('\n')}${this.#err}`,
        )
      await new Promise<void>((resolve) => {
        this.#news = resolve
      })
    }
  }

  /** Types something and ends the input. */
  type(text: string): void {
    this.#child.stdin.end(text)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}
