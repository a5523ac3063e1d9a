// What can be imported, as data: read out of the declarations that are shipped, with the compiler's own interface.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { API } from 'typescript/unstable/sync'
import { filesIn, root } from './lib.mjs'

/** What the package exports, and the declarations behind it. */
export const MODULES = [
  { name: 'fastws', file: 'dist/src/index.d.ts' },
  { name: 'fastws/frame', file: 'dist/src/frame/index.d.ts' },
]

const PROJECT = join(root, 'dist/api-tsconfig.json')

/**
 * Every export of every module: `{ name, module, file, kind, signature, doc, tags, members }`, and the same for types that
 * are not exported but stand in a signature. Needs a build.
 */
export function readApi() {
  const settings = {
    extends: '../tsconfig.json',
    files: MODULES.map(({ file }) => join(root, file)),
    include: [],
  }
  const options = {
    noEmit: true,
    incremental: false,
    tsBuildInfoFile: null,
    stripInternal: false,
    rootDir: root,
  }
  writeFileSync(PROJECT, JSON.stringify({ ...settings, compilerOptions: options }))
  const api = new API({ cwd: root })
  try {
    const project = api.updateSnapshot({ openProjects: [PROJECT] }).getProjects()[0]
    const modules = MODULES.map((module) => readModule(project, module))
    return { modules, mentioned: mentionedIn(modules) }
  } finally {
    api.close()
  }
}

function readModule(project, { name, file }) {
  const { checker, program } = project
  const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, file)))
  const exported = checker.getExportsOfModule(module)
  const publicNames = new Set(exported.map((symbol) => symbol.name))
  return { name, exports: exported.map((symbol) => readExport(project, symbol, publicNames)) }
}

/** SymbolFlags.Alias */
const ALIAS = 1 << 21

function readExport(project, symbol, publicNames) {
  const { checker } = project
  const target = symbol.flags & ALIAS ? checker.getAliasedSymbol(symbol) : symbol
  const nodes = target.declarations.map((handle) => handle.resolve(project))
  const parts = nodes.map((node) => readDeclaration(node))
  const inherited = nodes.flatMap((node) => hiddenBases(project, node, publicNames))
  const members = [...parts.flatMap(({ members: own }) => own), ...inherited]
  return {
    name: symbol.name,
    file: relative(root, nodes[0].getSourceFile().fileName),
    // A constant that can be called is a function to everybody.
    kind:
      members.some(({ name }) => name === 'call') && parts[0].kind === 'const' ? 'function' : parts[0].kind,
    signature: parts.map(({ signature }) => signature).join('\n'),
    doc: parts
      .map(({ doc }) => doc)
      .filter(Boolean)
      .join('\n\n'),
    tags: parts.flatMap(({ tags }) => tags),
    members: mergeMembers(members),
  }
}

const KINDS = [
  [/^(?:export )?(?:declare )?class\b/, 'class'],
  [/^(?:export )?(?:declare )?function\b/, 'function'],
  [/^(?:export )?interface\b/, 'interface'],
  [/^(?:export )?type\b/, 'type'],
  [/^(?:export )?(?:declare )?const\b/, 'const'],
]

function readDeclaration(node) {
  const whole = /^\w+:/.test(node.getText()) ? node.parent.parent : node // a variable: its comment is the statement's
  const text = whole.getText()
  const kind = KINDS.find(([pattern]) => pattern.test(text))?.[1]
  if (kind === undefined) throw new Error(`Cannot tell what this is: ${text.slice(0, 80)}`)
  const holder = node.members === undefined ? node.type : node
  const members =
    kind === 'const' || node.members !== undefined ? [...(holder?.members ?? [])].flatMap(readMember) : []
  return { kind, signature: headOf(text, kind), members, ...commentOf(whole) }
}

/** A declaration without what is listed below it. */
function headOf(text, kind) {
  const plain = indented(text.replace(/^export (?:declare )?/, ''))
  if (kind === 'class' || kind === 'interface') return plain.slice(0, plain.indexOf('{')).trim()
  if (kind === 'const' && plain.includes('{'))
    return plain.slice(0, plain.indexOf('{')).replace(/: *$/, '').trim()
  return plain.replace(/;$/, '')
}

function readMember(node) {
  const text = node.getText().replace(/;$/, '')
  if (text.startsWith('#') || text.startsWith('private ')) return []
  return [
    {
      name: nameOf(node, text),
      signature: indented(text.replaceAll(/^ {4}/gm, '')),
      ...commentOf(node),
    },
  ]
}

function nameOf(node, text) {
  if (text.startsWith('constructor')) return 'constructor'
  const name = node.name?.getText().replaceAll("'", '') ?? 'call'
  return /^static /.test(text) ? `static ${name}` : name
}

/** Members of a base that nobody can import belong to what extends it. */
function hiddenBases(project, node, publicNames) {
  const extended = [...(node.heritageClauses ?? [])].flatMap((clause) => [...clause.types])
  const types = /^\w+:/.test(node.getText()) ? [node.type] : extended // `const dial: Dial`
  return types.flatMap((type) => {
    const symbol = project.checker.getTypeAtLocation(type)?.getSymbol()
    if (symbol === undefined || publicNames.has(symbol.name)) return []
    const bases = symbol.declarations.map((handle) => handle.resolve(project))
    return bases.filter(isOurs).flatMap((base) => readDeclaration(base).members)
  })
}

const isOurs = (node) =>
  node.getSourceFile().fileName.startsWith(join(root, 'dist/src')) &&
  /^export (?:declare class|interface)\b/.test(node.getText())

/** Overloads, and the two halves of an accessor, are one member. */
function mergeMembers(members) {
  const merged = new Map()
  for (const member of members) {
    const same = merged.get(member.name)
    if (same === undefined) merged.set(member.name, { ...member, signatures: [member.signature] })
    else {
      same.signatures.push(member.signature)
      same.doc = [same.doc, member.doc].filter(Boolean).join('\n\n')
      same.tags.push(...member.tags)
    }
  }
  return [...merged.values()].map(({ signature, ...member }) => member)
}

/** The last comment in front of a node: its text, and its tags. */
function commentOf(node) {
  const before = node.getFullText().slice(0, -node.getText().length)
  const comment = [...before.matchAll(/\/\*\*([\s\S]*?)\*\//g)].at(-1)?.[1] ?? ''
  const text = comment.replaceAll(/^[ \t]*\* ?/gm, '').trim()
  const [doc = '', ...tags] = text.split(/^@(?=\w)/m)
  return {
    doc: doc.trim(),
    tags: tags.map((tag) => {
      const [, name, rest] = /^(\w+)\s?([\s\S]*)$/.exec(tag)
      return { name, text: rest.trimEnd() }
    }),
  }
}

/** Types that stand in signatures and cannot be imported: readers want to see them, too. */
function mentionedIn(modules) {
  const known = new Set(modules.flatMap(({ exports }) => exports.map(({ name }) => name)))
  const ours = declaredTypes()
  const found = new Map()
  const look = (text) => {
    for (const [name] of text.matchAll(/\b[A-Z]\w+\b/g)) {
      const type = ours.get(name)
      if (type === undefined || known.has(name) || found.has(name)) continue
      found.set(name, type)
      look(type.signature)
    }
  }
  for (const { exports } of modules)
    for (const { signature, members } of exports)
      for (const text of [signature, ...members.flatMap(({ signatures }) => signatures)]) look(text)
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name))
}

function declaredTypes() {
  const types = new Map()
  for (const path of filesIn('dist/src').filter(
    (name) => name.endsWith('.d.ts') && !name.includes('tools'),
  )) {
    const text = readFileSync(join(root, path), 'utf8')
    for (const [, comment, signature, ofInterface, ofType] of text.matchAll(TYPE)) {
      const name = ofInterface ?? ofType
      types.set(name, { name, file: path, signature: indented(signature), doc: plainComment(comment) })
    }
  }
  return types
}

const TYPE =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^export ((?:interface (\w+)[\s\S]*?\n\})|(?:type (\w+)[\s\S]*?(?=;\n)))/gm

/** Two spaces for each level, as in the sources. */
const indented = (text) => text.replaceAll(/^(?: {4})+/gm, (spaces) => spaces.slice(spaces.length / 2))

const plainComment = (comment = '') => comment.replaceAll(/^[ \t]*\* ?/gm, '').trim()
