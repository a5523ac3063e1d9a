import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { root } from '../support/root.js'
import { assertValues, type Compiled, compile, type Snippet } from './snippets.js'

/**
 * The rule for examples in doc comments: they may use what `fastws`, `fastws/frame` and their own file export, two
 * things of Node, and the names below, without saying so. All are compiled; those that tell a value, as in
 * `mayTravel(1006) // false`, are run, and the value is checked.
 */
const globals = `
  declare const conn: import('fastws').Conn
  declare const handler: import('fastws').ConnHandler
  declare const handle: (message: import('fastws').Message) => void
  declare const isKnown: (request: import('node:http').IncomingMessage) => boolean
  declare const rows: Iterable<string>
  declare const file: import('node:fs').WriteStream
  declare const socket: import('node:net').Socket
`

const FROM_NODE = `import { createServer } from 'node:http'\nimport { writeFile } from 'node:fs/promises'\n`

interface Example extends Snippet {
  readonly file: string
  readonly line: number
  /** Something in it can be checked by running it. */
  readonly tellsValues: boolean
}

/** The names that a module's declarations export. */
function exportedNames(text: string): string[] {
  const own = [...text.matchAll(/^export (?:declare )?(?:const|let|function|class|interface|type) (\w+)/gm)]
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
    list.split(','),
  )
  const listed = lists.map((name) => name.trim().replace(/^type /, '')).filter(Boolean)
  return [...own.map(([, name = '']) => name), ...listed]
}

const surface = ['fastws', 'fastws/frame'].map((specifier) => ({
  specifier,
  names: exportedNames(
    readFileSync(join(root, 'src', specifier.replace('fastws', '').slice(1), 'index.ts'), 'utf8'),
  ),
}))

/** Imports what a piece of code mentions: from the package where it is public, else from its own file. */
function importsFor(code: string, file: string, text: string): string {
  const own = { specifier: `../../${file.replace(/\.ts$/, '.js')}`, names: exportedNames(text) }
  const taken = new Set<string>()
  const imports = [...surface, own].map(({ specifier, names }) => {
    const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(code) && !taken.has(name))
    for (const name of used) taken.add(name)
    const values = used.map((name) => (isType(name, text) ? `type ${name}` : name))
    return used.length === 0 ? '' : `import { ${values.join(', ')} } from '${specifier}'\n`
  })
  return imports.join('')
}

const isType = (name: string, text: string): boolean =>
  new RegExp(`^export (?:interface|type) ${name}\\b(?! \\}|,)`, 'm').test(text) &&
  !new RegExp(`^export const ${name}\\b`, 'm').test(text)

const EXAMPLE = /^[ \t]*\* @example\n((?:[ \t]*\*(?:[ \t].*)?\n)+?)[ \t]*\*(?:\/| @)/gm

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(EXAMPLE)].map((match) => {
    const code = (match[1] ?? '').replaceAll(/^[ \t]*\* ?/gm, '')
    const checked = assertValues(code)
    const line = text.slice(0, match.index).split('\n').length
    const name = `${file.replaceAll(/[/.]/g, '-')}-${line}`
    const node = checked.includes('createServer') || checked.includes('writeFile') ? FROM_NODE : ''
    return {
      name,
      file,
      line,
      code: `${node}${importsFor(code, file, text)}${checked}\nexport {}\n`,
      tellsValues: checked !== code,
    }
  })
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => `src/${path}`)
  .sort()

const examples = sources.flatMap(examplesOf)

describe('examples in doc comments', () => {
  let compiled: Compiled
  before(async () => {
    compiled = await compile('comments', examples, globals)
  })

  test('are all found', () => {
    const tags = sources.flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .filter((line) => /^\s*\* @example/.test(line)),
    )
    assert.equal(examples.length, tags.length)
    assert.ok(examples.filter(({ tellsValues }) => tellsValues).length >= 5)
  })

  for (const { name, file, line, tellsValues } of examples)
    test(`${file}:${line} compiles${tellsValues ? ' and tells true values' : ''}`, async () => {
      assert.equal(compiled.complaints(name), '')
      if (tellsValues) await compiled.run([name])
    })
})
