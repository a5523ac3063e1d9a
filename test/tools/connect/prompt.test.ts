import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { type Conn, upgrade } from '../../../src/index.js'
import { main } from '../../../src/tools/main.js'
import { deferred, listen } from '../../support/index.js'

const ESC = String.fromCharCode(27)
const COLUMNS = 40

/** What a terminal shows: it understands as much as readline writes. */
class Screen {
  readonly #rows: string[][] = [[]]
  #row = 0
  #column = 0

  constructor(written: string) {
    const [plain = '', ...rest] = written.split(`${ESC}[`)
    this.#print(plain)
    for (const part of rest) {
      const [sequence = '', count = '', kind = ''] = /^(\d*)([A-Z])/.exec(part) ?? []
      this.#obey(kind, Number(count) || 1)
      this.#print(part.slice(sequence.length))
    }
  }

  toString(): string {
    return this.#rows.map((line) => line.join('').trimEnd()).join('\n')
  }

  #line(): string[] {
    while (this.#rows.length <= this.#row) this.#rows.push([])
    return this.#rows[this.#row] as string[]
  }

  #obey(kind: string, by: number): void {
    if (kind === 'A') this.#row = Math.max(0, this.#row - by)
    else if (kind === 'C') this.#column += by
    else if (kind === 'D') this.#column = Math.max(0, this.#column - by)
    else if (kind === 'G') this.#column = by - 1
    else if (kind === 'K' || kind === 'J') this.#line().splice(this.#column)
    if (kind === 'J') this.#rows.splice(this.#row + 1)
  }

  #print(text: string): void {
    for (const character of text) {
      if (character === '\r' || character === '\n') this.#column = 0
      else this.#put(character)
      if (character === '\n') this.#row++
      this.#line()
    }
  }

  #put(character: string): void {
    if (this.#column >= COLUMNS) {
      this.#row++
      this.#column = 0
    }
    const line = this.#line()
    while (line.length < this.#column) line.push(' ')
    line[this.#column++] = character
  }
}

const screen = (written: string): string => String(new Screen(written))

/** `fastws connect` at a terminal that the test holds. */
async function sit(t: TestContext, ...args: readonly string[]) {
  const opened = deferred<Conn>()
  const server = createServer(
    upgrade({ open: (conn) => opened.resolve(conn), message: (conn, message) => conn.send(message) }),
  )
  const url = `ws://127.0.0.1:${await listen(t, server)}`
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: COLUMNS })
  let written = ''
  const looks = new Set<() => void>()
  stdout.on('data', (chunk) => {
    written += chunk
    for (const look of looks) look()
  })
  const done = main(['connect', url, ...args], { stdin, stdout, stderr: new PassThrough() })
  const shows = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(screen(written))) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
    })
  await shows(/typed\n>$/)
  const conn = await opened.promise
  return { stdin, done, shows, conn, screen: () => screen(written) }
}

describe('fastws connect, at a terminal', () => {
  test('puts what comes above the line that is being typed, and the line back as it was', async (t) => {
    const { stdin, done, shows, conn, screen } = await sit(t)
    stdin.write('hal')
    await shows(/> hal$/)
    await conn.send('one')
    await shows(/< one\n> hal$/)
    stdin.write('\u001b[D')
    await conn.send('two')
    await shows(/< one\n< two\n> hal$/)
    stdin.write('x')
    await shows(/> haxl$/)
    stdin.write('\r')
    await shows(/> haxl\n< haxl\n>$/)
    stdin.write('/quit\r')
    assert.equal(await done, 0)
    assert.match(screen(), /> \/quit\n\* closed by us: 1000\n$/)
  })

  test('does so where the line takes several rows', async (t) => {
    const { stdin, done, shows, conn } = await sit(t)
    for (let i = 0; i < 90; i++) stdin.write(String(i % 10))
    const line =
      /> 01234567890123456789012345678901234567\n8901234567890123456789012345678901234567\n890123456789$/
    await shows(line)
    await conn.send('one')
    await conn.send('two')
    await shows(new RegExp(`typed\n< one\n< two\n${line.source}`))
    stdin.write('\u0003')
    assert.equal(await done, 0)
  })

  test('knows commands, completes them, and sends bytes and files', async (t) => {
    const { stdin, done, shows } = await sit(t)
    stdin.write('/ping hi\r')
    await shows(/> \/ping hi\n\* pong after \d+\.\d ms\n>$/)
    stdin.write('/base')
    await shows(/> \/base$/)
    stdin.write('\t')
    await shows(/> \/base64$/)
    stdin.write(' AQI=\r')
    await shows(/\n< \(binary, 2\) 0102\n>$/)
    stdin.write('\r//slash\r')
    await shows(/\n< \/slash\n>$/)
    stdin.write('/file /does/not/exist\r')
    await shows(/\n\* ENOENT/)
    stdin.write('/wrong\r')
    await shows(/there is no command '\/wrong'/)
    stdin.end() // Ctrl+D
    assert.equal(await done, 0)
  })

  test('shows frames where they are wanted, and how the peer closed', async (t) => {
    const { done, conn, screen } = await sit(t, '--frames')
    void conn.close(4000, 'enough')
    assert.equal(await done, 1)
    const text = screen().replaceAll('\n', '')
    assert.match(text, /ms < close fin 8 bytes 4000 "enough"/)
    assert.match(text, /\* closed by the peer: 4000 "enough"/)
  })
})
