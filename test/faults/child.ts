/** Programs that tests run in processes of their own: `node child.js <name> …`. Each says what it sees on stdout. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CloseReport, type Conn, dial, HandshakeError, upgrade } from '../../src/index.js'
import { once } from '../support/events.js'
import { assertNothingHeld, CountingClock, FrameCount, inShort, openScene, until } from '../support/scene.js'
import { wireProxy } from '../support/wire-proxy.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function listening(server: net.Server, where: number | string = 0): Promise<number> {
  if (typeof where === 'string') server.listen(where)
  else server.listen(where, '127.0.0.1')
  await once(server, 'listening')
  return typeof where === 'string' ? 0 : (server.address() as net.AddressInfo).port
}

const echo = async (conn: Conn): Promise<void> => {
  for await (const message of conn) await conn.send(message)
}

const nameOfFailure = (error: unknown): string =>
  error instanceof HandshakeError ? 'HandshakeError' : String(error)

const programs: Readonly<Record<string, (...given: string[]) => Promise<void>>> = {
  /** A client that talks until somebody kills it. */
  async client(port) {
    const conn = await dial(`ws://127.0.0.1:${port}`)
    say('open')
    for await (const message of conn) say(message.text())
  },

  /** A server that talks until somebody kills it. */
  async server() {
    say(String(await listening(createServer(upgrade(echo)))))
  },

  /** A scene in a process that may open few files. It does what it is asked to, and is ended by a signal. */
  async scarce() {
    const scene = await openScene({ after: () => undefined })
    const answers: Readonly<Record<string, (reports: readonly string[]) => Promise<unknown>>> = {
      count: async () => scene.ws.conns.size,
      dial: () => dial(`ws://127.0.0.1:${scene.port}`).then(() => 'open', nameOfFailure),
      aftermath: (reports) => scene.aftermath({ reports }).then(() => 'nothing is left', String),
    }
    process.stdin.on('data', async (asked: Buffer) => {
      const [what = '', ...reports] = asked.toString().split('\n')
      say(String(await answers[what]!(reports)))
    })
    say(String(scene.port))
  },

  /**
   * Two ends of a connection whose network goes away, and one beside that takes another way. Ends by itself, when
   * nothing is left that would keep it.
   */
  async vanish(how) {
    const reports: Promise<CloseReport>[] = []
    const keepalive = { interval: 200, timeout: 200 } // the network is there for less, on a slow machine too
    const clock = new CountingClock()
    const frames = new FrameCount()
    const options = { keepalive, closeTimeout: 40, clock }
    const ws = upgrade(async (conn) => {
      reports.push(conn.closed)
      await echo(conn)
    }, options)
    const folder = mkdtempSync(join(tmpdir(), 'fastws-vanish-'))
    const path = join(folder, 'beside.sock')
    const beside = createServer(upgrade(echo))
    await listening(beside, path)
    const honest = await dial(`ws+unix:${path}:/`)
    const server = createServer(ws)
    const port = await listening(server)
    const proxy = how === 'proxy' ? await wireProxy(undefined, port) : undefined
    const conn = await dial(`ws://127.0.0.1:${proxy?.port ?? port}`, options)
    await conn.send('there')
    await conn.read()
    if (proxy === undefined) execFileSync('ip', ['link', 'set', 'lo', 'down'])
    else proxy.vanish()
    void conn.send('is anybody there?')
    const [here, there] = await Promise.all([conn.closed, reports[0]])
    say(`client ${inShort(here)}`)
    say(`server ${inShort(there!)}`)
    await until(() => ws.conns.size === 0)
    await honest.send('and you?')
    say((await honest.read())?.text() ?? 'nothing')
    assertNothingHeld(clock, frames)
    await honest.close()
    server.close()
    beside.close()
    rmSync(folder, { recursive: true })
  },
}

const [name = '', ...given] = process.argv.slice(2)
await programs[name]!(...given)
