import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CloseCode } from 'fastws'
import { mayTravel } from 'fastws/frame'
import { root } from '../support/root.js'
import { declaredOptions, tableAfter } from './markdown.js'

const GUIDE = 'docs/errors.md'
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const plain = (cell: string): string => cell.replaceAll('`', '')

/** What each kind of error is told under, in the order of `src/errors.ts`. */
const SECTIONS = [
  'The peer broke a rule',
  'A limit was reached',
  'Time ran out',
  'The transport went away',
  'The opening handshake failed',
  'Mistakes in the program',
]

const rows = SECTIONS.flatMap((title) => tableAfter(GUIDE, `### ${title}\n`))

/** The errors of the first section, which some close codes stand for as a whole. */
const BROKEN = tableAfter(GUIDE, `### ${SECTIONS[0]}\n`).map(([code = '']) => plain(code))

/** How a row says which close code an error leads to; who is dropped finds 1006 in the report. */
const CLOSES = /(?:; |closed with )(\d{4})\b|; dropped/

/** Everything that can be set. */
const options = new Set(
  [
    ['src/conn/options.ts', 'ConnOptions'],
    ['src/conn/limits.ts', 'Limits'],
    ['src/conn/compress-options.ts', 'CompressOptions'],
    ['src/server/options.ts', 'UpgradeOptions'],
    ['src/client/options.ts', 'DialOptions'],
  ].flatMap(([file = '', name = '']) => declaredOptions(file, name)),
)

describe(GUIDE, () => {
  test('lists every error code, in order, and no other', () => {
    const declared = [...read('src/errors.ts').matchAll(/^ {2}\| '(WS_ERR_\w+)'$/gm)].map(([, code]) => code)
    assert.ok(declared.length > 20)
    const listed = rows.map(([code = '']) => plain(code)).filter((code) => code !== 'WS_ERR_ARGUMENT')
    assert.deepEqual(listed, declared)
  })

  test('gives each a cause and a remedy', () => {
    for (const [code, ...cells] of rows) {
      assert.equal(cells.length, 3, code)
      for (const cell of cells) assert.match(cell, /\w.*\.$/, code)
    }
  })

  test('names the option that moves each limit and each deadline', () => {
    for (const [code = '', , , remedy = ''] of [
      ...tableAfter(GUIDE, '### A limit was reached\n'),
      ...tableAfter(GUIDE, '### Time ran out\n'),
    ]) {
      const named = [...remedy.matchAll(/`(\w+)/g)].map(([, name = '']) => name)
      assert.ok(
        named.some((name) => options.has(name)),
        code,
      )
    }
  })

  test('tells the close code of each violation', () => {
    const told = new Map(
      rows.map(([code = '', what = '']) => [plain(code), Number(/; (\d{4})[.,]/.exec(what)?.[1])]),
    )
    const files = [
      'frame/rules',
      'frame/close',
      'protocol/session',
      'conn/heartbeat',
      'conn/memory-budget',
      'conn/message-watch',
      'conn/pace',
      'conn/patience',
    ]
    const source = files.map((file) => read(`src/${file}.ts`)).join('\n')
    const thrown = [...source.matchAll(/new ProtocolError\(\s*'(WS_ERR_\w+)',\s*(\d{4})/g)]
    assert.ok(thrown.length >= 5)
    for (const [, code = '', closeCode] of thrown) assert.equal(told.get(code), Number(closeCode), code)
  })

  test('tells of each close code which options and errors lead to it', () => {
    const ends = new Map(
      tableAfter(GUIDE, '## Close codes\n').map(([code = '', ...cells]) => [code, cells.join()]),
    )
    const leading = rows.filter(([, what = '']) => CLOSES.test(what))
    assert.ok(leading.length > 25)
    for (const [code = '', what = ''] of leading) {
      const end = ends.get(CLOSES.exec(what)?.[1] ?? '1006') ?? ''
      const named = [...what.matchAll(/`([\w.]+)/g)].map(([, name = '']) => name)
      const leads = named.filter((name) => options.has(name.split('.')[0] ?? ''))
      const told = [plain(code), ...leads].some((name) => end.includes(`\`${name}`))
      assert.ok(told || (BROKEN.includes(plain(code)) && end.includes('](#the-peer-broke-a-rule)')), code)
    }
  })

  test('lists every close code by its name, and tells which never travel', () => {
    const listed = tableAfter(GUIDE, '## Close codes\n')
    assert.deepEqual(
      listed.map(([code, name = '']) => [plain(name), Number(code)]),
      Object.entries(CloseCode),
    )
    for (const [code = '', , means = '', ...rest] of listed) {
      assert.equal(means.includes('Never on the wire'), !mayTravel(Number(code)), code)
      for (const cell of rest) assert.match(cell, /\w.*\.$/, code)
    }
  })
})
