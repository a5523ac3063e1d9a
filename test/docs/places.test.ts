import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { type Conn, type DialOptions, dial, HandshakeError } from 'fastws'
import { install } from '../support/install.js'
import { tls as pems } from '../support/tls.js'
import { FOLDER, places, rows } from './places-table.js'
import { Program } from './program.js'

/** Whether a framework looks at the path, or the program answers every request with its page. */
const ROUTERS = ['express', 'fastify', 'hono']
const NAMES = ['express', 'fastify', 'hono', 'http', 'https', 'koa']

async function connect(t: TestContext, url: string, options: DialOptions = {}): Promise<Conn> {
  const conn = await dial(url, options)
  t.after(() => conn.terminate())
  return conn
}

/** Says something, and expects the same back. */
async function echoes(conn: Conn, text: string): Promise<void> {
  await conn.send(text)
  assert.equal((await conn.read())?.text(), text)
}

function filesOf(t: TestContext, contents: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'fastws-place-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return contents.map((content, i) => {
    const path = join(folder, `${i}.pem`)
    writeFileSync(path, content)
    return path
  })
}

describe('fastws in its places', () => {
  before(() => install(FOLDER))

  const start = async (t: TestContext, name: string, args: readonly string[] = []): Promise<Program> =>
    new Program(t, join('..', FOLDER, `${name}.mjs`), args, { PORT: '0' })

  test('every program in the folder is tried here', () => {
    const programs = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'))
    assert.deepEqual(
      programs.sort(),
      NAMES.map((name) => `${name}.mjs`),
    )
  })

  for (const name of NAMES)
    test(`${name} serves its page and its connections side by side`, async (t) => {
      const { key, cert, ca } = pems
      const secure = name === 'https'
      const program = await start(t, name, secure ? filesOf(t, [key, cert]) : [])
      const url = await program.line(/^Listens at (\S+)$/)
      const options = secure ? { tls: { ca } } : {}
      if (!secure) assert.equal(await (await fetch(url)).text(), 'A page\n')

      const conn = await connect(t, `${url}/echo`, { ...options, headers: { 'X-Visitor': 'Ann' } })
      if (name === 'express') assert.equal((await conn.read())?.text(), 'hello Ann')
      await echoes(conn, 'over there')
      const stranger = await dial(`${url}/nowhere`, options).then(
        () => assert.fail('nothing is there'),
        (error) => error,
      )
      assert.ok(stranger instanceof HandshakeError)
      assert.equal(stranger.status, ROUTERS.includes(name) ? 404 : 200, 'what the page answers')
      assert.equal((await conn.close()).code, 1000)
    })

  test('fastify says goodbye to its connections when it closes', async (t) => {
    const program = await start(t, 'fastify')
    const conn = await connect(t, `${await program.line(/^Listens at (\S+)$/)}/echo`)
    program.kill('SIGTERM')
    assert.equal(await conn.read(), null)
    const { code, reason } = await conn.closed
    assert.deepEqual([code, reason], [1001, 'restart'])
    assert.equal((await program.ended).code, 0)
  })

  test("vite serves its page, its own socket for hot reloading, and fastws' path", async (t) => {
    const vite = join('..', FOLDER, 'node_modules/vite/bin/vite.js')
    const program = new Program(t, vite, [join(FOLDER, 'vite'), '--port', '0', '--host', '127.0.0.1'], {
      NO_COLOR: '1',
    })
    const url = await program.line(/(http:\/\/127\.0\.0\.1:\d+)/)
    assert.match(await (await fetch(url)).text(), /<title>fastws beside Vite<\/title>/)
    const ours = await connect(t, `${url}/echo`, { origin: url })
    await echoes(ours, 'beside it')
    const client = await (await fetch(`${url}/@vite/client`)).text()
    const [, token = ''] = /wsToken = "([^"]+)"/.exec(client) ?? []
    const hot = await connect(t, `${url}/?token=${token}`, { origin: url, protocols: 'vite-hmr' })
    assert.deepEqual((await hot.read())?.json(), { type: 'connected' })
    await echoes(ours, 'still there')
  })
})

describe('what upgrade() returns fits, as the README writes it', () => {
  before(() => install(FOLDER))

  test('every row is tried here', () => {
    assert.deepEqual([...rows.keys()], Object.keys(places))
  })

  for (const [row, place] of Object.entries(places)) test(row, (t) => place(t, row))
})
