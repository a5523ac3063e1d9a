import { posix } from 'node:path'
import type { Import, SourceFile, SourceTree } from './source-tree.js'

/** What is allowed beyond the rules. Each entry must be needed: one that is not is itself a violation. */
export interface Allowances {
  /** Imports between two folders of one floor: `'conn -> node'`. */
  readonly sideways: readonly string[]
  /** Files longer than the limit, with the length they may have. */
  readonly long: Readonly<Record<string, number>>
  /** Files that may write to the console. */
  readonly console: readonly string[]
}

/** A rule looks at the whole tree and names what breaks it, one line each. */
export type Rule = (tree: SourceTree, allowed: Allowances) => string[]

/** Longest file, in lines. */
const MAX_LINES = 300

/** The command line stands beside the floors, on the public surface alone. */
const TOOLS = 'tools'
const PUBLIC = new Set(['src/index.ts', 'src/frame/index.ts'])

const FLOORS: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  frame: 1,
  protocol: 2,
  deflate: 2,
  handshake: 3,
  conn: 3,
  node: 3,
  server: 4,
  client: 4,
  'upgrade.ts': 5,
  'dial.ts': 5,
  'index.ts': 6,
}

/** The folder right under src, or the file itself where it lies in src. */
const partOf = (path: string): string => path.split('/')[1] ?? path

const floorOf = (path: string): number | undefined => FLOORS[partOf(path)]

/** Runs a check on every file and joins what it finds. */
const eachFile =
  (check: (file: SourceFile, tree: SourceTree, allowed: Allowances) => string[]): Rule =>
  (tree, allowed) =>
    [...tree.values()].flatMap((file) => check(file, tree, allowed))

const matches = (pattern: RegExp, what: (match: string) => string): Rule =>
  eachFile((file) => [...file.code.matchAll(pattern)].map(([match]) => `${file.path} ${what(match)}`))

/** Code that runs nothing but re-exports. */
const REEXPORT = /^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+' *'$/gm

const BYTES_ONLY = new Set(
  [
    'net',
    'http',
    'https',
    'http2',
    'tls',
    'dgram',
    'stream',
    'timers',
    'fs',
    'events',
    'dns',
    'child_process',
  ].flatMap((name) => [`node:${name}`, `node:${name}/promises`]),
)
const TIME = /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|nextTick|performance\.now|Date\.now)\b/g
const WAITING = /\b(?:Promise|async|await)\b/g

/**
 * Every rule by its name. An import of a type counts like any other, with one exception: inside one folder, types may
 * be cyclic, as two interfaces may mention each other.
 */
export const rules: Readonly<Record<string, Rule>> = {
  'every file has a floor': eachFile(({ path }) =>
    floorOf(path) === undefined && partOf(path) !== TOOLS ? [`${path} stands on no floor`] : [],
  ),

  'imports are relative with .js, or node: ones': eachFile(({ path, imports }, tree) =>
    imports.flatMap(({ specifier, target }) => {
      if (specifier.startsWith('node:')) return []
      if (target === undefined) return [`${path} imports ${specifier}, which is neither relative nor node:`]
      return specifier.endsWith('.js') && tree.has(target)
        ? []
        : [`${path} imports ${specifier}, which is not there`]
    }),
  ),

  'no import goes upwards': eachFile(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      const [from, to] = [floorOf(path), target && floorOf(target)]
      if (from === undefined || to === undefined || to === '') return []
      return to > from ? [`${path} (floor ${from}) imports ${target} (floor ${to})`] : []
    }),
  ),

  'no import goes sideways unless listed': (tree, allowed) => {
    const found = sidewaysImports(tree)
    const unlisted = found.filter(({ pair }) => !allowed.sideways.includes(pair))
    const needless = allowed.sideways.filter((pair) => !found.some((one) => one.pair === pair))
    return [
      ...unlisted.map(({ pair, path, target }) => `${path} imports ${target}: ${pair} is not listed`),
      ...needless.map((pair) => `${pair} is listed and not needed`),
    ]
  },

  'the tools use the public surface alone, and nothing uses the tools': eachFile(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      if (target === undefined || partOf(path) === partOf(target)) return []
      if (partOf(target) === TOOLS) return [`${path} imports ${target}, a tool`]
      return partOf(path) === TOOLS && !PUBLIC.has(target)
        ? [`${path} imports ${target}, which is not public`]
        : []
    }),
  ),

  'no cycle among imports that run': (tree) =>
    cycles(tree.keys(), (path) => targetsOf(tree.get(path)?.imports.filter((one) => !one.typeOnly))),

  'no cycle among folders, types included': (tree) => {
    const folders = new Map<string, Set<string>>()
    for (const { path, imports } of tree.values()) {
      const reached = folders.get(partOf(path)) ?? new Set()
      for (const target of targetsOf(imports))
        if (partOf(target) !== partOf(path)) reached.add(partOf(target))
      folders.set(partOf(path), reached)
    }
    return cycles(folders.keys(), (folder) => folders.get(folder) ?? [])
  },

  // V8 asks its runtime for each of them, 35 ns a time on Node 20: a method costs a few.
  'no private getters': matches(/\bget\s+#/g, () => 'has a private getter'),

  'no default export': matches(/\bexport\s+default\b|\bas\s+default\b/g, () => 'has a default export'),

  'index files re-export and do nothing else': eachFile(({ path, code }) =>
    posix.basename(path) === 'index.ts' &&
    partOf(path) !== TOOLS &&
    code.replaceAll(REEXPORT, '').trim() !== ''
      ? [`${path} does more than re-export`]
      : [],
  ),

  [`no file is longer than ${MAX_LINES} lines unless listed`]: (tree, allowed) => [
    ...[...tree.values()]
      .filter(({ path, lines }) => lines > (allowed.long[path] ?? MAX_LINES))
      .map(({ path, lines }) => `${path} has ${lines} lines`),
    ...Object.keys(allowed.long)
      .filter((path) => (tree.get(path)?.lines ?? 0) <= MAX_LINES)
      .map((path) => `${path} is listed and not needed`),
  ],

  'floors 0 to 2 do no I/O and keep no time': eachFile(({ path, imports, code }) => {
    if ((floorOf(path) ?? 3) > 2) return []
    const modules = imports.filter(({ specifier }) => BYTES_ONLY.has(specifier))
    return [
      ...modules.map(({ specifier }) => `${path} imports ${specifier}`),
      ...[...code.matchAll(TIME)].map(([name]) => `${path} uses ${name}`),
    ]
  }),

  'floors 0 and 1 never wait': eachFile(({ path, code }) =>
    (floorOf(path) ?? 2) > 1 ? [] : [...code.matchAll(WAITING)].map(([name]) => `${path} uses ${name}`),
  ),

  'nothing writes to the console unless listed': (tree, allowed) => {
    const writers = [...tree.values()]
      .filter(({ code }) => /\bconsole\s*\./.test(code))
      .map(({ path }) => path)
    return [
      ...writers.filter((path) => !allowed.console.includes(path)).map((path) => `${path} uses console`),
      ...allowed.console
        .filter((path) => !writers.includes(path))
        .map((path) => `${path} is listed and not needed`),
    ]
  },
}

interface Sideways {
  readonly pair: string
  readonly path: string
  readonly target: string
}

/** Imports between two parts of one floor. */
function sidewaysImports(tree: SourceTree): Sideways[] {
  return [...tree.values()].flatMap(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      if (target === undefined || partOf(path) === partOf(target)) return []
      if (floorOf(path) === undefined || floorOf(path) !== floorOf(target)) return []
      return [{ pair: `${partOf(path)} -> ${partOf(target)}`, path, target }]
    }),
  )
}

const targetsOf = (imports: readonly Import[] = []): string[] =>
  imports.flatMap(({ target }) => (target === undefined ? [] : [target]))

/** Every node that leads back to itself, with the way it takes. */
function cycles(nodes: Iterable<string>, edges: (node: string) => Iterable<string>): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (node: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(node)
    if (seenAt >= 0) found.push([...trail.slice(seenAt), node].join(' -> '))
    if (seenAt >= 0 || done.has(node)) return
    for (const next of edges(node)) visit(next, [...trail, node])
    done.add(node)
  }
  for (const node of nodes) visit(node, [])
  return found
}
