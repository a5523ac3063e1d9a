import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from './root.js'

/** One `import` or `export … from`, or an `import()` with a fixed name. */
export interface Import {
  /** What stands between the quotes. */
  readonly specifier: string
  /** The file it names, for one that begins with a dot: `src/frame/mask.ts`. */
  readonly target: string | undefined
  /** `import type` or `export type`: gone when the program runs. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  readonly path: string
  readonly lines: number
  /** The text with spaces for comments and for what is inside strings. */
  readonly code: string
  readonly imports: readonly Import[]
}

/** Sources by path. */
export type SourceTree = ReadonlyMap<string, SourceFile>

/** Reads every `.ts` file under a folder of the repository. */
export function readSources(folder: string): SourceTree {
  const texts: Record<string, string> = {}
  for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    const path = posix.join(folder, entry)
    if (path.endsWith('.ts')) texts[path] = readFileSync(join(root, path), 'utf8')
  }
  return parseSources(texts)
}

/** Sources that are given: paths and texts. */
export const parseSources = (texts: Readonly<Record<string, string>>): SourceTree =>
  new Map(Object.entries(texts).map(([path, text]) => [path, parseSource(path, text)]))

function parseSource(path: string, text: string): SourceFile {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  const code = blank(text)
  return { path, lines, code, imports: importsOf(path, text, code) }
}

// Looked for where comments and strings are blank, so that neither can be taken for code.
const STATIC =
  /^(?:import|export)\s+(type\s+)?(?:[\w*][\w\s*,]*|(?:\w+\s*,\s*)?\{[^}]*\}\s*)from\s*(['"] *['"])/dgm
const BARE = /^import\s*()(['"] *['"])/dgm
const DYNAMIC = /\bimport\(\s*()(['"] *['"])/dg

function importsOf(path: string, text: string, code: string): Import[] {
  return [STATIC, BARE, DYNAMIC].flatMap((form) =>
    [...code.matchAll(form)].map((match) => {
      const [start, end] = match.indices?.[2] ?? [0, 0]
      const specifier = text.slice(start + 1, end - 1)
      return { specifier, target: resolve(path, specifier), typeOnly: match[1]?.startsWith('type') ?? false }
    }),
  )
}

function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

/** A comment, a string, or a template that holds no other template, whichever begins first. */
const COMMENT_OR_STRING =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g

/** Puts spaces for comments and for what is inside strings. Quotes, line breaks and `${code}` stay where they are. */
function blank(text: string): string {
  return text.replaceAll(COMMENT_OR_STRING, (found) => {
    const quote = found.charAt(0)
    if (quote === '/') return spaces(found)
    const inside = found.slice(1, -1)
    if (quote !== '`') return quote + spaces(inside) + quote
    const parts = inside.split(/(\$\{[^}]*\})/)
    return quote + parts.map((part, i) => (i % 2 === 1 ? part : spaces(part))).join('') + quote
  })
}

const spaces = (text: string): string => text.replaceAll(/[^\n]/g, ' ')
