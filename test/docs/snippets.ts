import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GUARD } from '../support/guard.js'
import { root } from '../support/root.js'

const execute = promisify(execFile)

/** Code out of a document, as a module. */
export interface Snippet {
  /** The name of its module, and where it stands. */
  readonly name: string
  readonly code: string
}

/** Compiled snippets. */
export interface Compiled {
  /** What the compiler says against one of them; empty when there is nothing. */
  complaints(name: string): string
  /**
   * Runs some, one after the other, in one process; gives what they printed, waiting for as many lines as are expected.
   * Rejects with what went wrong.
   */
  run(names: readonly string[], lines?: number): Promise<string[]>
  /** Runs one alone, as its reader does; gives what it printed, and rejects when it does not end as it should. */
  alone(name: string): Promise<string[]>
}

const tsconfig = {
  extends: '../../../tsconfig.json',
  compilerOptions: {
    rootDir: '.',
    outDir: '.',
    declaration: false,
    declarationMap: false,
    incremental: false,
    tsBuildInfoFile: null,
    noUnusedLocals: false,
  },
  include: ['.'],
  exclude: [], // else the output folder, which is this one
}

/**
 * Compiles snippets with the settings of the project, all of them in one run. They lie in `dist/`, so that `fastws` is
 * this very package; `globals` declares names they may use without saying where they come from.
 */
export async function compile(
  folder: string,
  snippets: readonly Snippet[],
  globals = 'export {}',
): Promise<Compiled> {
  const path = join(root, 'dist/docs', folder)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(path, 'globals.d.ts'), globals)
  for (const { name, code } of snippets) writeFileSync(join(path, `${name}.ts`), code)
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const said = await execute(process.execPath, [tsc, '-p', path, '--pretty', 'false'], { cwd: path }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
  const known = new Set(snippets.flatMap(({ name }) => linesAbout(said, name)))
  const others = said.split('\n').filter((line) => line !== '' && !known.has(line))
  if (others.length > 0) throw new Error(`Cannot compile the snippets in ${folder}: ${others.join('\n')}`)
  return {
    complaints: (name) => linesAbout(said, name).join('\n'),
    run: (names, lines = 0) => run(path, names, lines),
    alone: async (name) => {
      const { NODE_TEST_CONTEXT, ...env } = process.env // ours
      const { stdout } = await execute(process.execPath, [join(path, `${name}.js`)], { env, ...GUARD })
      return linesOf(stdout)
    },
  }
}

/** The compiler names files as they are called from the folder; lines that are indented belong to the one before. */
function linesAbout(said: string, name: string): string[] {
  let about = false
  return said.split('\n').filter((line) => {
    if (!line.startsWith(' ')) about = line.startsWith(`${name}.ts(`)
    return about
  })
}

async function run(path: string, names: readonly string[], lines: number): Promise<string[]> {
  const program = [
    'let left = Number(process.argv[1])',
    'const { log } = console',
    'console.log = (...values) => { left--; log(...values) }',
    ...names.map((name) => `await import(${JSON.stringify(join(path, `${name}.js`))})`),
    'while (left > 0) await new Promise((resolve) => setImmediate(resolve))',
    'process.exit()',
  ].join('\n')
  const args = ['--input-type=module', '--eval', program, String(lines)]
  const { stdout } = await execute(process.execPath, args, GUARD)
  return linesOf(stdout)
}

const linesOf = (printed: string): string[] => printed.split('\n').filter((line) => line !== '')

/** `console.log(…) // what it prints`, in a loop `// the first, then the next` */
const PRINTS = /console\.log\(.*\),? \/\/ (.*)$/

/** `expression // 'its value'`, or the value on a line of its own below. */
const VALUE = /^(\s*);?([\w([].*?)\s*(?:\n\s*)?\/\/ (['"[{\d-].*|(?:true|false|null|undefined)\b.*)$/gm
/** Statements, properties, what prints, and what goes on in the next line. */
const NO_EXPRESSION =
  /^\s*(?:const|let|using|await using|return|import|export|if|for|while|throw)\b|^\s*\w+:|console\.log|[,{(;] *\/\//
const WORD = /^(?:true|false|null|undefined|-?[\d.]+)\b/

/** What a snippet says that it prints, line by line. */
export const promisedOutput = (code: string): string[] =>
  code.split('\n').flatMap((line) => PRINTS.exec(line)?.[1]?.split(', then ') ?? [])

/** Makes an assertion of every expression with its value behind it. */
export function assertValues(code: string): string {
  const asserted = code.replaceAll(VALUE, (line, indent: string, expression: string, comment: string) => {
    if (NO_EXPRESSION.test(line)) return line
    const value = WORD.exec(comment)?.[0] ?? comment
    return `${indent};assertEqual(${expression}, ${value})`
  })
  if (asserted === code) return code
  return `import { deepEqual as assertEqual } from 'node:assert/strict'\n${asserted}`
}
