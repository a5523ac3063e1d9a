import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import * as fastws from 'fastws'
import * as frame from 'fastws/frame'
import { root } from '../support/root.js'

interface Told {
  readonly name: string
  readonly doc: string
  readonly tags: readonly { readonly name: string; readonly text: string }[]
}

interface Entry extends Told {
  readonly kind: string
  readonly members: readonly (Told & { readonly signatures: readonly string[] })[]
}

/** The names that a module's `index.ts` lists. */
function listedIn(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter(Boolean),
  )
}

const MODULES = [
  { name: 'fastws', file: 'src/index.ts', values: Object.keys(fastws) },
  { name: 'fastws/frame', file: 'src/frame/index.ts', values: Object.keys(frame) },
]

describe('npm run docs:api', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastws-api-'))
  let modules: { readonly name: string; readonly exports: readonly Entry[] }[] = []
  let page = ''
  let ids = new Set<string>()

  before(async () => {
    await promisify(execFile)(process.execPath, ['.ci/docs-api.mjs', folder], { cwd: root })
    modules = JSON.parse(readFileSync(join(folder, 'api.json'), 'utf8')).modules
    page = readFileSync(join(folder, 'index.html'), 'utf8')
    ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id))
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const [index, { name, file, values }] of MODULES.entries())
    test(`tells of everything that ${name} exports`, () => {
      const told = modules[index]?.exports.map((entry) => entry.name) ?? []
      assert.deepEqual([...told].sort(), listedIn(file).sort())
      for (const value of values) assert.ok(told.includes(value), value)
      for (const entry of told) assert.ok(ids.has(entry), entry)
    })

  test('has a comment for each export and each of its members', () => {
    const all = modules.flatMap(({ exports }) => exports)
    const bare = all.flatMap(({ name, doc, members }) => [
      ...(doc === '' ? [name] : []),
      ...members
        .filter((member) => member.doc === '' && member.name !== 'constructor')
        .map((member) => `${name}.${member.name}`),
    ])
    assert.deepEqual(bare, [])
    assert.ok(all.flatMap(({ members }) => members).length > 250)
  })

  test('shows each member, those of bases that are not exported too', () => {
    for (const { name, members } of modules.flatMap(({ exports }) => exports))
      for (const member of members)
        assert.ok(ids.has(`${name}.${member.name.replaceAll(' ', '-')}`), `${name}.${member.name}`)
    for (const id of [
      'Conn.send',
      'Conn.static-over',
      'Frame.maskKey',
      'dial.retrying',
      'CloseCode.GoingAway',
      'Limits.maxMessage',
    ])
      assert.ok(ids.has(id), id)
  })

  test('shows every example and every parameter', () => {
    const once = new Map(modules.flatMap(({ exports }) => exports).map((entry) => [entry.name, entry]))
    const told = [...once.values()]
      .flatMap((entry) => [entry, ...entry.members])
      .flatMap((entry) => entry.tags)
    const tags = (kind: string): number => told.filter(({ name }) => name === kind).length
    assert.ok(tags('example') >= 15)
    assert.equal(page.split('<pre class="example">').length - 1, tags('example'))
    assert.equal(page.split('<p class="tag">Throws: ').length - 1, tags('throws'))
  })

  test('leads only to what is there, and to nothing twice', () => {
    for (const [, target = ''] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.has(target), target)
    assert.equal([...page.matchAll(/ id="/g)].length, ids.size)
    for (const slip of ['>undefined<', '[object', '@internal']) assert.ok(!page.includes(slip), slip)
  })
})
