import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Allowances, rules } from './support/architecture.js'
import { parseSources, readSources } from './support/source-tree.js'

/** What the sources may do beyond the rules; every entry with its reason. */
const allowed: Allowances = {
  sideways: [
    // The connection runs on the fast paths where there are any.
    'conn -> node',
    // Node has to be told which requests ask for a WebSocket.
    'node -> handshake',
    // Compression is an extension as any other.
    'deflate -> protocol',
  ],
  long: {},
  console: [],
}

const tree = readSources('src')

test('readSources finds the sources and what they import', () => {
  assert.ok(tree.size > 10)
  const pool = tree.get('src/frame/pool.ts')
  assert.deepEqual(pool?.imports, [
    { specifier: './frame.js', target: 'src/frame/frame.ts', typeOnly: false },
  ])
})

test('parseSources finds every form of import, and none in comments and strings', () => {
  const text = `import a, { b } from './a.js'
import * as c from "./c.js"
import { type D } from './d.js'
import type {
  E,
} from './e.js'
export { f } from './f.js'
export * as g from './g.js'
export type { H } from './h.js'
import './i.js'
const j = await import('./j.js')
// import './comment.js'
/* from
import './block.js'
 */
const text = "import('./string.js')"
export const from = 'x'
`
  const imports = parseSources({ 'src/x/y.ts': text }).get('src/x/y.ts')?.imports ?? []
  const found = imports.map(({ target, typeOnly }) => `${target}${typeOnly ? ' type' : ''}`).sort()
  const letters = ['a', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
  assert.deepEqual(
    found,
    letters.map((letter) => `src/x/${letter}.ts${'eh'.includes(letter) ? ' type' : ''}`),
  )
})

describe('src keeps to the architecture', () => {
  for (const [name, rule] of Object.entries(rules))
    test(name, () => assert.deepEqual(rule(tree, allowed), []))
})

const nothing: Allowances = { sideways: [], long: {}, console: [] }

/** A small tree that keeps to every rule; each case below breaks it in one way. */
const sound = {
  'src/errors.ts': 'export class WebSocketError extends Error {}\n',
  'src/frame/mask.ts': "import { randomFillSync } from 'node:crypto'\nexport const mask = randomFillSync\n",
  'src/frame/index.ts':
    "/** @module */\nexport { mask } from './mask.js'\nexport type { Mask } from './mask.js'\n",
  'src/conn/conn.ts':
    "import { mask } from '../frame/mask.js'\nimport type { Box } from './box.js'\nexport type Conn = Box\n",
  'src/conn/box.ts': "import type { Conn } from './conn.js'\nexport interface Box { conn: Conn }\n",
  'src/index.ts':
    "export {\n  type Conn,\n} from './conn/conn.js'\nexport * as frame from './frame/index.js'\n",
  'src/tools/cat.ts':
    "import { frame } from '../index.js'\nimport { mask } from '../frame/index.js'\nframe.mask(mask)\n",
}

interface Case {
  /** The rule that is broken. */
  readonly rule: string
  /** How, for the name of the test. */
  readonly when: string
  /** Files that come to the sound tree, or replace one of it. */
  readonly files?: Record<string, string>
  readonly allowed?: Partial<Allowances>
  readonly expected: readonly string[]
}

const cases: readonly Case[] = [
  {
    rule: 'every file has a floor',
    when: 'a new folder appears',
    files: { 'src/extra/new.ts': '' },
    expected: ['src/extra/new.ts stands on no floor'],
  },
  {
    rule: 'imports are relative with .js, or node: ones',
    when: 'a package is imported',
    files: { 'src/dial.ts': "import ws from 'ws'\n" },
    expected: ['src/dial.ts imports ws, which is neither relative nor node:'],
  },
  {
    rule: 'imports are relative with .js, or node: ones',
    when: 'the prefix is left out',
    files: { 'src/dial.ts': "const net = await import('net')\n" },
    expected: ['src/dial.ts imports net, which is neither relative nor node:'],
  },
  {
    rule: 'imports are relative with .js, or node: ones',
    when: 'a file is named that is not there',
    files: { 'src/dial.ts': "import './errors.ts'\nimport './gone.js'\n" },
    expected: [
      'src/dial.ts imports ./errors.ts, which is not there',
      'src/dial.ts imports ./gone.js, which is not there',
    ],
  },
  {
    rule: 'no import goes upwards',
    when: 'a frame knows a connection',
    files: { 'src/frame/mask.ts': "import {\n  type Conn,\n} from '../conn/conn.js'\n" },
    expected: ['src/frame/mask.ts (floor 1) imports src/conn/conn.ts (floor 3)'],
  },
  {
    rule: 'no import goes upwards',
    when: 'only a type is imported',
    files: { 'src/errors.ts': "export type * from './conn/conn.js'\n" },
    expected: ['src/errors.ts (floor 0) imports src/conn/conn.ts (floor 3)'],
  },
  {
    rule: 'no import goes sideways unless listed',
    when: 'one folder of a floor imports another',
    files: { 'src/node/fast.ts': "import '../conn/box.js'\n" },
    expected: ['src/node/fast.ts imports src/conn/box.ts: node -> conn is not listed'],
  },
  {
    rule: 'no import goes sideways unless listed',
    when: 'the list is out of date',
    allowed: { sideways: ['conn -> node'] },
    expected: ['conn -> node is listed and not needed'],
  },
  {
    rule: 'the tools use the public surface alone, and nothing uses the tools',
    when: 'a tool reaches inside, and the inside reaches for a tool',
    files: { 'src/tools/cat.ts': "import '../conn/conn.js'\n", 'src/dial.ts': "import './tools/cat.js'\n" },
    expected: [
      'src/tools/cat.ts imports src/conn/conn.ts, which is not public',
      'src/dial.ts imports src/tools/cat.ts, a tool',
    ],
  },
  {
    rule: 'no cycle among imports that run',
    when: 'two files of a folder import each other',
    files: {
      'src/conn/box.ts': "import { type Conn } from './conn.js'\n",
      'src/conn/conn.ts': "import './box.js'\n",
    },
    expected: ['src/conn/conn.ts -> src/conn/box.ts -> src/conn/conn.ts'],
  },
  {
    rule: 'no cycle among folders, types included',
    when: 'two folders mention the types of each other',
    files: {
      'src/conn/box.ts': "import type { Fast } from '../node/fast.js'\n",
      'src/node/fast.ts': "import type { Conn } from '../conn/conn.js'\n",
    },
    expected: ['conn -> node -> conn'],
  },
  {
    rule: 'no default export',
    when: 'there are some',
    files: {
      'src/dial.ts': 'export default 1\n',
      'src/upgrade.ts': 'const a = 1\nexport { a as default }\n',
    },
    expected: ['src/dial.ts has a default export', 'src/upgrade.ts has a default export'],
  },
  {
    rule: 'no private getters',
    when: 'there is one',
    files: { 'src/dial.ts': 'class A {\n  get #is() {\n    return 1\n  }\n}\n' },
    expected: ['src/dial.ts has a private getter'],
  },
  {
    rule: 'index files re-export and do nothing else',
    when: 'there is logic',
    files: { 'src/index.ts': "export * from './conn/conn.js'\nexport const version = 1\n" },
    expected: ['src/index.ts does more than re-export'],
  },
  {
    rule: 'no file is longer than 300 lines unless listed',
    when: 'one is, and one was allowed more',
    files: {
      'src/dial.ts': '\n'.repeat(301),
      'src/upgrade.ts': '\n'.repeat(311),
      'src/conn/conn.ts': '\n'.repeat(300),
    },
    allowed: { long: { 'src/upgrade.ts': 310 } },
    expected: ['src/dial.ts has 301 lines', 'src/upgrade.ts has 311 lines'],
  },
  {
    rule: 'no file is longer than 300 lines unless listed',
    when: 'the list is out of date',
    allowed: { long: { 'src/conn/conn.ts': 310 } },
    expected: ['src/conn/conn.ts is listed and not needed'],
  },
  {
    rule: 'floors 0 to 2 do no I/O and keep no time',
    when: 'they do',
    files: {
      'src/deflate/deflater.ts':
        "import { setTimeout } from 'node:timers/promises'\nimport type { Socket } from 'node:net'\n",
      'src/protocol/session.ts':
        'export const now = () => Date.now() // not setTimeout\nprocess.nextTick(now)\n',
    },
    expected: [
      'src/deflate/deflater.ts imports node:timers/promises',
      'src/deflate/deflater.ts imports node:net',
      'src/deflate/deflater.ts uses setTimeout',
      'src/protocol/session.ts uses Date.now',
      'src/protocol/session.ts uses nextTick',
    ],
  },
  {
    rule: 'floors 0 and 1 never wait',
    when: 'a frame waits',
    files: { 'src/frame/mask.ts': 'export const mask = async () => await `Promise`\n' },
    expected: ['src/frame/mask.ts uses async', 'src/frame/mask.ts uses await'],
  },
  {
    rule: 'nothing writes to the console unless listed',
    when: 'one file does, one mentions it, one no longer does',
    files: {
      'src/dial.ts': "console.log('hello') /* console.log */\n",
      'src/upgrade.ts': "const a = 'console.log'\n",
    },
    allowed: { console: ['src/upgrade.ts'] },
    expected: ['src/dial.ts uses console', 'src/upgrade.ts is listed and not needed'],
  },
]

describe('the rules of the architecture', () => {
  test('are kept by a sound tree', () => {
    for (const rule of Object.values(rules)) assert.deepEqual(rule(parseSources(sound), nothing), [])
  })

  test('are each shown to fail', () => {
    assert.deepEqual(new Set(cases.map(({ rule }) => rule)), new Set(Object.keys(rules)))
  })

  for (const { rule, when, files, allowed, expected } of cases)
    test(`'${rule}' fails when ${when}`, () => {
      const broken = rules[rule]?.(parseSources({ ...sound, ...files }), { ...nothing, ...allowed })
      assert.deepEqual(broken, expected)
    })
})
