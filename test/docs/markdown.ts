import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/root.js'
import { assertValues, promisedOutput, type Snippet } from './snippets.js'

/** A piece of code out of a document, which is run in the tests. */
export interface Fence extends Snippet {
  readonly line: number
  /** The code as its reader has it, where some of it is hidden; else undefined. */
  readonly shown: string | undefined
  /** What it prints. */
  readonly output: readonly string[]
  /** The fences that run first, each in a process of its own with this one. */
  readonly beside: readonly string[]
  /** The fence whose code stands in front of it. */
  readonly behind: string | undefined
  /** It only runs with another one beside it, or behind it. */
  readonly waits: boolean
  /** It runs to its end by itself: it serves nobody for ever, and needs nobody who does. */
  readonly ends: boolean
  /** It is a test itself. */
  readonly isTest: boolean
}

/**
 * Every `ts` fence of a document is a program. What else it takes to run it stands in comments of the document:
 *
 *     <!-- before … -->      code in front of the next fence: the server that it dials
 *     <!-- behind: pair -->  the next fence goes on where that one ends
 *     <!-- name: server -->  the next fence is run by those beside it, and not alone
 *     <!-- beside: server --> the next fence runs after that one, in the same process
 *     <!-- beside: server … --> this code, which is not shown, does
 *     <!-- beside: one two … --> it does so after each of them: they have to behave alike
 *     <!-- hurried -->       what takes seconds in the next fence, written as `25_000`, takes milliseconds
 *
 * The port 8080 stands for one that is free, 9000 for another.
 */
export function fencesOf(document: string): Fence[] {
  const text = readFileSync(join(root, document), 'utf8')
  const fences: Fence[] = []
  let before = ''
  let named: string | undefined
  let behind: string | undefined
  const codes = new Map<string | undefined, string>()
  let beside: readonly string[] = []
  let hurried = false
  const add = (code: string, index: number): void => {
    const line = text.slice(0, index).split('\n').length
    const name = named ?? `${nameOf(document)}-${line}`
    const timed = hurried ? code.replaceAll(/\b(\d+)_000\b/g, '$1') : code
    const first = codes.get(behind) ?? ''
    const programOf = (hidden: string): string =>
      withFreePorts(
        `import { port, port2 } from '../../test/docs/port.js'\n${first}\n${hidden}\n${assertValues(timed)}\nvoid [port, port2]\nexport {}\n`,
      )
    const program = programOf(before)
    const isTest = code.includes("from 'node:test'")
    const serves = program.includes('.listen(') && !program.includes('server.close()')
    codes.set(name, code)
    fences.push({
      name,
      line,
      code: program,
      shown: before === '' ? undefined : programOf(''),
      output: promisedOutput(code),
      beside,
      behind,
      waits: named !== undefined,
      ends: named === undefined && beside.length === 0 && !isTest && !serves,
      isTest,
    })
    before = ''
    named = undefined
    behind = undefined
    beside = []
    hurried = false
  }
  for (const { index, groups = {} } of text.matchAll(PART)) {
    if (groups.before !== undefined) before = groups.before
    if (groups.name !== undefined) named = groups.name
    if (groups.behind !== undefined) behind = groups.behind
    if (groups.beside !== undefined) beside = groups.beside.split(' ')
    if (groups.hurried !== undefined) hurried = true
    if (groups.hidden) add(groups.hidden, index)
    if (groups.code !== undefined) add(groups.code, index)
  }
  return fences
}

const PART =
  /^(?:<!-- before\n(?<before>[\s\S]*?)\n-->|<!-- name: (?<name>\w+) -->|<!-- behind: (?<behind>\w+) -->|(?<hurried><!-- hurried -->)|<!-- beside: (?<beside>\w+(?: \w+)*)(?: |\n(?<hidden>[\s\S]*?)\n)-->|```ts\n(?<code>[\s\S]*?)\n```)$/gm

/** A name for the modules of a document's fences, and for their folder. */
export const nameOf = (document: string): string =>
  document.replace('.md', '').replaceAll('/', '-').toLowerCase()

const withFreePorts = (code: string): string =>
  Object.entries({ 8080: 'port', 9000: 'port2' }).reduce(
    (text, [told, free]) =>
      text
        .replaceAll(new RegExp(`\\blisten\\(${told}\\b`, 'g'), `listen(${free}`)
        .replaceAll(`port: ${told} `, `port: ${free} `)
        .replaceAll(new RegExp(`'([^'\\n]*:)${told}\\b([^'\\n]*)'`, 'g'), `\`$1\${${free}}$2\``),
    code,
  )

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

/** The options that an interface declares. */
export function declaredOptions(file: string, name: string): string[] {
  const body =
    readFileSync(join(root, file), 'utf8').split(`export interface ${name}`)[1]?.split('\n}\n')[0] ?? ''
  return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option = '']) => option)
}
