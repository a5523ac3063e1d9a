import assert from 'node:assert/strict'
import { type ExecFileOptions, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { install } from './support/install.js'
import { root } from './support/root.js'

const execute = promisify(execFile)

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Our environment without what npm and the coverage of this very run have put into it. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && name !== 'NODE_V8_COVERAGE'),
)

/** A program someone writes on top of the package, as TypeScript. */
const consumer = `
import { readFileSync } from 'node:fs'
import { type Conn, dial, upgrade } from 'fastws'
import { encodeFrame, Frame, Opcode } from 'fastws/frame'

export const handler = upgrade(async (conn) => {
  for await (const message of conn) await conn.send(message)
})
export const opened: Promise<Conn> = dial('ws://localhost')
export const bytes: Buffer = encodeFrame(new Frame({ opcode: Opcode.Binary, payload: readFileSync('x') }))
// @ts-expect-error: a handler takes a connection
upgrade((conn: string) => conn)
`

/** Older compilers, and a bundler, with a lock file of their own. */
const COMPILERS = 'test/types/compilers'

/** What is used here of esbuild. */
interface Bundler {
  build(
    options: Readonly<Record<string, unknown>>,
  ): Promise<{ metafile: { outputs: Record<string, Bundled> } }>
}
interface Bundled {
  readonly bytes: number
  readonly imports: readonly { path: string }[]
  readonly inputs: Readonly<Record<string, { bytesInOutput: number }>>
}

/** Compiler settings as strict as they come: the declarations themselves are checked too. */
const compilerOptions = {
  target: 'ES2022',
  lib: ['ES2022'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

describe('the packed package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fastws-package-'))
  const installed = join(folder, 'node_modules/fastws')
  let packed: string[] = []

  const inFolder = async (
    file: string,
    args: readonly string[],
    options: ExecFileOptions = {},
  ): Promise<string> => {
    const { stdout } = await execute(file, args, {
      cwd: folder,
      env: environment,
      ...options,
      encoding: 'utf8',
    })
    return stdout.trim()
  }

  before(async () => {
    // The build at hand, which these tests run from; that packing builds first is tested below.
    await inFolder('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
    const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
    packed = (await inFolder('tar', ['-tzf', tarball]))
      .split('\n')
      .map((path) => path.replace('package/', ''))
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
    await inFolder('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, tarball)])
  })

  after(() => rmSync(folder, { recursive: true }))

  test('holds every source, its build, the documents, a page, and nothing else', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => name.replace(/\.ts$/, ''))
    const built = ['.js', '.js.map', '.d.ts', '.d.ts.map']
    const expected = sources.flatMap((name) => [
      `src/${name}.ts`,
      ...built.map((ending) => `dist/src/${name}${ending}`),
    ])
    const page = readdirSync(join(root, 'src/tools/proxy/page'))
    expected.push(...page.map((name) => `src/tools/proxy/page/${name}`))
    expected.push(...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`))
    expected.push('CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json')
    assert.deepEqual(packed.sort(), expected.sort())
  })

  test('holds what its README links to, but for what the README says is not in it', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g)].map(([, path = '']) => path)
    const [, absent = ''] = /\n(.*) are in the repository only\./.exec(readme) ?? []
    const missing = links.filter((path) => !packed.includes(path))
    assert.ok(missing.length < links.length / 2)
    for (const path of missing) assert.match(absent, new RegExp(`\`${path.split('/')[0]}/?\``), path)
  })

  test('brings no dependency along, and runs nothing when it is installed', () => {
    assert.deepEqual(
      readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['fastws'],
    )
    for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies'])
      assert.equal(manifest[kind], undefined)
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      assert.equal(manifest.scripts[script], undefined)
  })

  test('says truly that its modules have no side effects, but for those it names', () => {
    for (const path of manifest.sideEffects) assert.ok(packed.includes(path.replace('./', '')), path)
  })

  test('has source maps that lead to the sources it holds', () => {
    for (const path of packed.filter((name) => name.endsWith('.map'))) {
      const map = JSON.parse(readFileSync(join(installed, path), 'utf8'))
      const [source] = map.sources.map((name: string) =>
        relative(installed, join(installed, path, '..', name)),
      )
      assert.ok(packed.includes(source), `${path} names ${source}`)
    }
  })

  test('is built when it is packed', async () => {
    const clone = join(folder, 'clone')
    mkdirSync(clone)
    for (const path of ['src', '.ci', 'package.json', 'tsconfig.json'])
      cpSync(join(root, path), join(clone, path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
    await inFolder('npm', ['pack', '--pack-destination', clone], { cwd: clone })
    const [tarball = ''] = readdirSync(clone).filter((name) => name.endsWith('.tgz'))
    const list = (await inFolder('tar', ['-tzf', tarball], { cwd: clone })).split('\n')
    for (const path of packed.filter((name) => name.startsWith('dist/')))
      assert.ok(list.includes(`package/${path}`), path)
  })

  test('a clone has a demo that starts as the README says', async (t) => {
    const clone = join(folder, 'demo')
    mkdirSync(clone)
    for (const path of ['src', '.ci', 'examples', 'package.json', 'tsconfig.json'])
      cpSync(join(root, path), join(clone, path), {
        recursive: true,
        filter: (source) => !source.endsWith('node_modules'),
      })
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
    const env = { ...environment, PORT: '0', HOST: undefined }
    // A group of its own, to be ended as one: npm runs a shell, which runs npm and Node.
    const demo = spawn('npm', ['run', 'demo'], {
      cwd: clone,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = once(demo, 'close')
    t.after(async () => {
      if (demo.exitCode === null) process.kill(-demo.pid!, 'SIGKILL')
      await ended
    })
    let said = ''
    for await (const chunk of demo.stdout) {
      said += chunk
      const [, url] = /^Open (\S+) in a browser/m.exec(said) ?? []
      if (url === undefined) continue
      const page = await fetch(url)
      assert.equal(page.status, 200)
      assert.match(await page.text(), /<title>fastws demo<\/title>/)
      return
    }
    assert.fail(`It ended, and said:\n${said}`)
  })

  test('brings the command fastws', async () => {
    assert.equal(await inFolder(join(folder, 'node_modules/.bin/fastws'), ['--version']), manifest.version)
  })

  test('can be imported', async () => {
    const program = `
      import { dial } from 'fastws'
      import { Frame } from 'fastws/frame'
      console.log(typeof dial, String(new Frame()))`
    assert.equal(
      await inFolder(process.execPath, ['--input-type=module', '--eval', program]),
      'function binary fin 0 bytes',
    )
  })

  test('can be required where Node can require modules, and says so elsewhere', async () => {
    const program = `
      try {
        console.log(typeof require('fastws').dial, String(new (require('fastws/frame').Frame)()))
      } catch (error) {
        console.log(error.code)
      }`
    const expected = process.features.require_module ? 'function binary fin 0 bytes' : 'ERR_REQUIRE_ESM'
    assert.equal(await inFolder(process.execPath, ['--input-type=commonjs', '--eval', program]), expected)
  })

  describe('has declarations that hold', () => {
    const compilers = { 'TypeScript 7': 'node_modules/typescript' } as Record<string, string>
    for (const version of ['5.4', '5.9', '6'])
      compilers[`TypeScript ${version}`] = `${COMPILERS}/node_modules/typescript-${version}`

    before(async () => {
      await install(COMPILERS)
      mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
      symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
    })

    for (const [compiler, path] of Object.entries(compilers))
      for (const [module, moduleResolution] of [
        ['nodenext', 'nodenext'],
        ['preserve', 'bundler'],
      ])
        test(`for ${compiler} with moduleResolution ${moduleResolution}`, async () => {
          const tsc = join(root, path, 'bin/tsc')
          const version = await inFolder(process.execPath, [tsc, '--version'])
          assert.ok(version.startsWith(compiler.replace('TypeScript', 'Version')), version)
          const project = join(folder, `${compiler}-${moduleResolution}`.replace(/[ .]/g, '-'))
          mkdirSync(project)
          cpSync(join(root, 'test/types'), join(project, 'types'), {
            recursive: true,
            filter: (source) => !source.endsWith('compilers'),
          })
          writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
          writeFileSync(join(project, 'consumer.ts'), consumer)
          const config = { compilerOptions: { ...compilerOptions, module, moduleResolution }, include: ['.'] }
          writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
          const failure = await inFolder(process.execPath, [tsc, '-p', project]).catch(
            (error) => error.stdout,
          )
          assert.equal(failure, '')
        })
  })

  describe('in a bundle', () => {
    before(() => install(COMPILERS))

    /** What a bundler makes of a line of a program: its size when it is minified, and what went into it. */
    async function bundle(line: string): Promise<{ size: number; modules: string[]; builtins: string[] }> {
      const { build } = createRequire(join(root, COMPILERS, 'package.json'))('esbuild') as Bundler
      const { metafile } = await build({
        stdin: { contents: line, resolveDir: folder },
        bundle: true,
        format: 'esm',
        platform: 'node',
        minify: true,
        metafile: true,
        write: false,
      })
      const [output] = Object.values(metafile.outputs)
      assert.ok(output)
      const own = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      return {
        size: output.bytes,
        modules: own
          .map(([path]) => path.replace(/^.*dist\/src\//, ''))
          .filter((path) => path.endsWith('.js')),
        builtins: output.imports.map(({ path }) => path.replace('node:', '')),
      }
    }

    test('the frames come without any code of the network', async () => {
      const { modules, builtins } = await bundle("export { Frame } from 'fastws/frame'")
      assert.deepEqual(
        modules.filter((path) => !path.startsWith('frame/') && path !== 'errors.js'),
        [],
      )
      assert.ok(modules.includes('frame/frame.js'))
      assert.deepEqual(
        builtins.filter((name) => !['buffer', 'crypto', 'string_decoder', 'util/types'].includes(name)),
        [],
      )
    })

    test('a program carries only what it uses', async () => {
      const all = await bundle("export * from 'fastws'")
      const client = await bundle("export { dial } from 'fastws'")
      const server = await bundle("export { upgrade } from 'fastws'")
      assert.deepEqual(
        client.modules.filter((path) => path.startsWith('server/')),
        [],
      )
      assert.deepEqual(
        server.modules.filter((path) => path.startsWith('client/')),
        [],
      )
      assert.ok(all.modules.includes('client/connect.js') && all.modules.includes('server/upgrade-server.js'))
      assert.deepEqual(
        all.modules.filter((path) => path.startsWith('tools/')),
        [],
      )
    })

    test('is as small as the README says', async () => {
      const readme = readFileSync(join(root, 'README.md'), 'utf8')
      const rows = [...readme.matchAll(/^\| `(export .* from 'fastws.*')` \| (\d+) KiB \|$/gm)]
      assert.equal(rows.length, 4)
      for (const [, line = '', said] of rows) {
        const { size } = await bundle(line)
        const near = Math.abs(size / 1024 / Number(said) - 1) < 0.15
        assert.ok(near, `${line} makes ${(size / 1024).toFixed(1)} KiB; README says ${said}`)
      }
    })
  })
})
