import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { root } from '../support/root.js'
import { declaredOptions, tableAfter } from './markdown.js'

const OPTIONS = new Set([
  ...declaredOptions('src/conn/options.ts', 'ConnOptions'),
  ...declaredOptions('src/conn/limits.ts', 'Limits'),
  ...declaredOptions('src/server/options.ts', 'UpgradeOptions'),
  ...declaredOptions('src/client/options.ts', 'DialOptions'),
  ...declaredOptions('src/conn/broadcast.ts', 'BroadcastOptions'),
  ...declaredOptions('src/conn/compress-options.ts', 'CompressOptions').map((name) => `compress.${name}`),
])

/** What is called so elsewhere, and not an option of ours. */
const OTHERS = new Set([
  'headersTimeout',
  'maxHeaderSize',
  'broadcast()',
  'accept',
  'Sec-WebSocket-Accept',
  'onError',
])

/** Codes that a table may promise: what a peer of a WebSocket or of HTTP can be told. */
const CODES = new Set([101, 400, 403, 408, 431, 500, 503, 1001, 1002, 1007, 1008, 1009, 1011, 1013])

const codeSpans = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)

const testsIn = (text: string): string[] => codeSpans(text).filter((span) => span.startsWith('test/'))

/** A test file that is named has to be there, and to hold tests. */
function checkTests(cell: string): void {
  for (const path of testsIn(cell)) {
    assert.ok(existsSync(join(root, path)), path)
    if (path.endsWith('.test.ts'))
      assert.match(readFileSync(join(root, path), 'utf8'), /\btest(?:Targets)?\(/, path)
  }
}

describe('SECURITY.md', () => {
  const rows = tableAfter('SECURITY.md', '## Attacks, and what stops them')

  test('has a row for each attack, shown by tests that there are', () => {
    assert.ok(rows.length >= 30, `${rows.length} rows`)
    assert.equal(new Set(rows.map(([attack]) => attack)).size, rows.length)
    for (const [attack, , , shown = ''] of rows) {
      assert.ok(testsIn(shown).length > 0, attack)
      checkTests(shown)
    }
  })

  test('names options that there are', () => {
    const named = rows.flatMap(([, stops = '']) => codeSpans(stops))
    assert.ok(named.filter((name) => OPTIONS.has(name)).length > 15)
    for (const name of named) assert.ok(OPTIONS.has(name) || OTHERS.has(name), name)
  })

  test('promises codes that can be told', () => {
    for (const [, , sees = ''] of rows)
      for (const [code] of sees.matchAll(/\b\d{3,4}\b/g)) assert.ok(CODES.has(Number(code)), sees)
  })

  test('leaves out no option that limits or times something', () => {
    const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')
    for (const name of OPTIONS)
      if (/(?:^|\.)max[A-Z]|Timeout$/.test(name)) assert.ok(text.includes(`\`${name}\``), name)
  })
})

describe('docs/answers.md', () => {
  const rows = tableAfter('docs/answers.md', '# Thirty things')

  test('answers all thirty, each by a test or a section', () => {
    assert.deepEqual(
      rows.map(([number]) => number),
      Array.from({ length: 30 }, (_, i) => String(i + 1)),
    )
    for (const [number, , , shown = ''] of rows) {
      assert.ok(testsIn(shown).length > 0 || shown.includes(']('), number)
      checkTests(shown)
    }
  })
})
