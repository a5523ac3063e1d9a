import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { planDial } from '../../src/client/plan.js'
import { planRetrying } from '../../src/client/retrying.js'
import { resolveCompress } from '../../src/conn/compress-options.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { resolveUpgradeOptions } from '../../src/server/options.js'
import { root } from '../support/root.js'
import { declaredOptions, type Fence, fencesOf, nameOf, tableAfter } from './markdown.js'
import { type Compiled, compile } from './snippets.js'

const GUIDES = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', ...GUIDES]
/** Of servers that stand in front of ours: run with the real ones in servers.test.ts. */
const CONFIGURATIONS = ['nginx', 'caddyfile']
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

for (const document of DOCUMENTS)
  describe(document, { concurrency: 3 }, () => {
    const fences = fencesOf(document)
    const asShown = fences.flatMap(({ name, shown }) =>
      shown === undefined ? [] : [{ name: `${name}-shown`, code: shown }],
    )
    let compiled: Compiled
    before(async () => {
      compiled = await compile(nameOf(document), [...fences, ...asShown])
    })

    /** Runs one with each of those that it runs beside. */
    const runBeside = async ({ name, beside, output }: Fence): Promise<void> => {
      for (const other of beside.length > 0 ? beside : [undefined]) {
        const first = fences.find((fence) => fence.name === other)
        assert.equal(first?.name, other)
        const expected = [...output, ...(first?.output ?? [])]
        const printed = await compiled.run([...(first ? [first.name] : []), name], expected.length)
        assert.deepEqual(printed, expected, first?.name)
      }
    }

    for (const fence of fences) {
      const { name, line, waits, ends, isTest, output } = fence
      test(`the code in line ${line} ${waits ? 'compiles' : 'runs'}`, async () => {
        assert.equal(compiled.complaints(name), '')
        if (waits) assert.ok(fences.some(({ beside, behind }) => behind === name || beside.includes(name)))
        else if (isTest) assert.match((await compiled.alone(name)).join('\n'), /^(?:#|ℹ) fail 0$/m)
        else if (ends) assert.deepEqual(await compiled.alone(name), output)
        else await runBeside(fence)
      })
    }

    test('hides nothing of its code but the server that it dials', () => {
      for (const { name, line, code, shown } of fences) {
        if (shown === undefined) continue
        assert.equal(compiled.complaints(`${name}-shown`), '')
        assert.match(shown, /localhost:\$\{port2?\}/, `line ${line}`)
        assert.match(code, /\.listen\(/, `line ${line}`)
      }
    })

    test('needs nothing of a compiler but that it takes the types away, as Node does', () => {
      for (const { line, code } of fences)
        assert.doesNotMatch(code, /^\s*(?:await )?using /m, `line ${line}: Node 22 does not know it`)
    })

    test('has no code that the tests do not run', () => {
      const languages = [...read(document).matchAll(/^```(\S+)/gm)].map(([, language]) => language)
      const others = languages.filter(
        (language) => !['ts', 'sh', 'text', ...CONFIGURATIONS].includes(language ?? ''),
      )
      assert.deepEqual(others, [])
      assert.equal(languages.filter((language) => language === 'ts').length, shown(document))
    })

    test('links to what is there', () => {
      const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
      for (const link of links.filter((target) => !target.includes('://'))) {
        const [file = '', anchor] = link.split('#')
        const path = file === '' ? document : join(dirname(document), file)
        assert.ok(existsSync(join(root, path)), link)
        if (anchor !== undefined) assert.ok(anchorsOf(path).includes(anchor), link)
      }
    })

    test('names scripts that there are', () => {
      const { scripts } = JSON.parse(read('package.json'))
      const { scripts: ofPlaces } = JSON.parse(read('examples/places/package.json'))
      for (const [, name = ''] of read(document).matchAll(/npm run ([\w:]+)/g))
        assert.ok(name in scripts || name in ofPlaces, name)
    })
  })

const shown = (document: string): number => read(document).split('\n```ts\n').length - 1

/** What links can lead to in a document. */
const anchorsOf = (document: string): string[] =>
  [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slug(title))

const slug = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')

const SIZES = new Set([
  'maxMessage',
  'maxFrame',
  'maxInboxBytes',
  'highWaterMark',
  'maxOutboxBytes',
  'threshold',
])
const TIMES = /[tT]imeout$|^maxLifetime$|[dD]elay$|^resetAfter$|^keepalive\.interval$/

/** A default as the README writes it; undefined for what is no plain value. */
function written(option: string, value: unknown): string | undefined {
  if (value === Infinity || (value === 0 && TIMES.test(option))) return 'no limit'
  if (typeof value === 'string') return `\`'${value}'\``
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return undefined
  if (TIMES.test(option)) return `${value / 1000} s`
  if (!SIZES.has(option)) return value.toLocaleString('en')
  return value >= 1 << 20 ? `${value / (1 << 20)} MiB` : `${value / 1024} KiB`
}

const { keepaliveInterval, keepaliveTimeout, ...conn } = resolveConnOptions()

const tables = [
  {
    name: 'ConnOptions',
    options: [
      ...declaredOptions('src/conn/limits.ts', 'Limits'),
      ...declaredOptions('src/conn/options.ts', 'ConnOptions'),
      'keepalive.interval',
      'keepalive.timeout',
    ],
    defaults: { ...conn, 'keepalive.interval': keepaliveInterval, 'keepalive.timeout': keepaliveTimeout },
  },
  {
    name: 'CompressOptions',
    options: declaredOptions('src/conn/compress-options.ts', 'CompressOptions'),
    defaults: { ...resolveCompress({}) },
  },
  {
    name: 'UpgradeOptions',
    options: declaredOptions('src/server/options.ts', 'UpgradeOptions'),
    defaults: { ...resolveUpgradeOptions({}) },
  },
  {
    name: 'DialOptions',
    options: declaredOptions('src/client/options.ts', 'DialOptions'),
    defaults: { ...planDial('ws://localhost') },
  },
  {
    name: 'RetryingOptions',
    options: declaredOptions('src/client/retrying.ts', 'RetryingOptions'),
    defaults: { ...planRetrying('ws://localhost', {}).retrying },
  },
]

for (const { name, options, defaults } of tables)
  describe(`README.md on ${name}`, () => {
    const rows = tableAfter('README.md', `<!-- options: ${name} -->`)

    test('lists every option and no other', () => {
      assert.ok(options.length > 5)
      assert.deepEqual(rows.map(([option]) => option).sort(), options.map((option) => `\`${option}\``).sort())
    })

    test('tells the true defaults', () => {
      for (const [option = '', told] of rows) {
        const key = option.replaceAll('`', '')
        const value = written(key, (defaults as Record<string, unknown>)[key])
        if (value !== undefined) assert.equal(told, value, key)
        else assert.doesNotMatch(told ?? '', /^\d+ (?:s|[KM]iB)$/, key)
      }
    })
  })

describe('CONTRIBUTING.md', () => {
  const text = read('CONTRIBUTING.md')

  test('gives a reason for every development dependency, and for no other', () => {
    const { devDependencies } = JSON.parse(read('package.json'))
    const told = tableAfter('CONTRIBUTING.md', '## Development dependencies').flatMap(([names = '']) =>
      names.split(', ').map((name) => name.replaceAll('`', '')),
    )
    assert.deepEqual(told.sort(), Object.keys(devDependencies).sort())
  })

  test('shows every part of src, and names files that there are', () => {
    for (const part of readdirSync(join(root, 'src'))) assert.match(text, new RegExp(`\\b${part}\\b`), part)
    const named = [
      ...text.matchAll(/\b((?:conn|node|handshake|server|client|frame|protocol)\/[a-z-]+)\b(?!\/)/g),
    ]
    assert.ok(named.length > 10)
    for (const [, path] of named)
      assert.ok(
        existsSync(join(root, `src/${path}.ts`)) || existsSync(join(root, `test/${path}.test.ts`)),
        path,
      )
  })

  test('names every variable of the environment that is looked at', () => {
    const sources = ['src', 'test'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => read(join(folder, path))),
    )
    const used = sources.flatMap((source) =>
      [...source.matchAll(/process\.env\.(FASTWS_\w+)|\{ (FASTWS_\w+) \} = process\.env/g)].map(
        ([, name, taken = '']) => name ?? taken,
      ),
    )
    const told = tableAfter('CONTRIBUTING.md', '| `npm run format`').map(
      ([name = '']) => name.slice(1).split('=')[0],
    )
    assert.deepEqual(told.sort(), [...new Set(used)].sort())
  })
})
