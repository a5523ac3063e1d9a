import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/root.js'
import { assertValues, promisedOutput, type Snippet } from './snippets.js'

/** A piece of code out of a document, which is run in the tests. */
export interface Fence extends Snippet {
  readonly line: number
  /** What it prints. */
  readonly output: readonly string[]
  /** The fence that runs first, in the same process. */
  readonly beside: string | undefined
  /** It only runs with another one beside it. */
  readonly waits: boolean
}

/**
 * Every `ts` fence of a document is a program. What readers need not see stands in comments of the document:
 *
 *     <!-- before … -->      code in front of the next fence
 *     <!-- name: server -->  the next fence is run by those beside it, and not alone
 *     <!-- beside: server --> the next fence runs after that one, in the same process
 *     <!-- beside: server … --> this code, which is not shown, does
 *
 * The port 8080 stands for one that is free.
 */
export function fencesOf(document: string): Fence[] {
  const text = readFileSync(join(root, document), 'utf8')
  const fences: Fence[] = []
  let before = ''
  let named: string | undefined
  let beside: string | undefined
  const add = (code: string, index: number): void => {
    const line = text.slice(0, index).split('\n').length
    const name = named ?? `${document.replace('.md', '').toLowerCase()}-${line}`
    const program = `import { port } from '../../test/docs/port.js'\n${before}\n${assertValues(code)}\nvoid port\nexport {}\n`
    fences.push({
      name,
      line,
      code: withFreePort(program),
      output: promisedOutput(code),
      beside,
      waits: named !== undefined,
    })
    before = ''
    named = beside = undefined
  }
  for (const { index, groups = {} } of text.matchAll(PART)) {
    if (groups.before !== undefined) before = groups.before
    if (groups.name !== undefined) named = groups.name
    if (groups.beside !== undefined) beside = groups.beside
    if (groups.hidden) add(groups.hidden, index)
    if (groups.code !== undefined) add(groups.code, index)
  }
  return fences
}

const PART =
  /^(?:<!-- before\n(?<before>[\s\S]*?)\n-->|<!-- name: (?<name>\w+) -->|<!-- beside: (?<beside>\w+)(?: |\n(?<hidden>[\s\S]*?)\n)-->|```ts\n(?<code>[\s\S]*?)\n```)$/gm

const withFreePort = (code: string): string =>
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it becomes part of a program
  code.replaceAll('listen(8080)', 'listen(port)').replaceAll(/'([^'\n]*:)8080([^'\n]*)'/g, '`$1${port}$2`')

/** The cells of a table's rows, the one that follows a mark. */
export function tableAfter(document: string, mark: string): string[][] {
  const text = readFileSync(join(root, document), 'utf8')
  const lines = text.slice(text.indexOf(mark) + mark.length).split('\n')
  const start = lines.findIndex((line) => line.startsWith('|'))
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'))
  const rows = lines.slice(start + 2, start + length)
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
