import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import type { Input, Output } from '../output.js'
import { slashesFrom } from './actions.js'

/**
 * A line to type in, below everything that is printed. Whatever is printed while somebody types goes above it: the line
 * is taken away, and put back with the cursor where it was.
 */
export class Prompt {
  readonly #readline: Interface
  readonly #output: Output
  #isOpen = true
  #isShown = false

  constructor(input: Input, output: Output, onInterrupt: () => void) {
    this.#output = output
    this.#readline = createInterface({
      input,
      output: output.stdout,
      terminal: true,
      prompt: '> ',
      historySize: 1000,
      completer: (line: string) => [line.startsWith('/') ? slashesFrom(line) : [], line],
    })
    this.#readline.on('SIGINT', onInterrupt).on('close', () => {
      this.#isOpen = false
    })
  }

  /** The lines that are typed. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    this.#show()
    for await (const line of this.#readline) {
      this.#isShown = false
      yield line
      this.#show()
    }
  }

  /** Prints lines above the one that is being typed. */
  print(lines: readonly string[]): void {
    if (!this.#isOpen || !this.#isShown) return this.#write(lines)
    const rows = this.#takeAway()
    this.#write(lines)
    // readline goes up as many rows as its cursor was below the first one before it draws the line again.
    this.#output.raw('\n'.repeat(rows))
    this.#readline.prompt(true)
  }

  close(): void {
    if (!this.#isOpen) return
    if (this.#isShown) this.#takeAway()
    this.#readline.close()
  }

  /** Clears the line that is being typed; tells in which of its rows the cursor was. */
  #takeAway(): number {
    const { stdout } = this.#output
    const { rows } = this.#readline.getCursorPos()
    moveCursor(stdout, 0, -rows)
    cursorTo(stdout, 0)
    clearScreenDown(stdout)
    return rows
  }

  #show(): void {
    if (!this.#isOpen) return
    this.#isShown = true
    this.#readline.prompt()
  }

  #write(lines: readonly string[]): void {
    for (const line of lines) this.#output.line(line)
  }
}
