import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { WebSocket, WebSocketServer } from 'ws'
import { once } from '../support/index.js'
import { type Program, startProgram } from '../tools/wire-program.js'
import { browserForAll, withBrowser } from './browser.js'

const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

/** What looks on is closed before what it looks at: a page that is left alone dials again, and complains. */
const visits = new WeakMap<TestContext, BrowserContext[]>()

/** An echo, a proxy in front of it, and a page that looks on. */
async function scene(t: TestContext): Promise<{ url: string; page: string; program: Program }> {
  const contexts: BrowserContext[] = []
  visits.set(t, contexts)
  t.after(() => Promise.all(contexts.map((context) => context.close())))
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } })
  server.on('connection', (socket) =>
    socket
      .on('error', () => undefined)
      .on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  )
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const program = startProgram(t, ['proxy', '0', `127.0.0.1:${port}`, '--web', '0', '--quiet'])
  const [, proxy] = await program.note(/listening on (\S+),/)
  const [, page = ''] = await program.note(/open (\S+) to look on/)
  return { url: `ws://${proxy}`, page, program }
}

async function client(t: TestContext, url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } })
  t.after(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** Says something, and waits for the echo. */
async function say(socket: WebSocket, data: string | Buffer): Promise<void> {
  socket.send(data)
  await once(socket, 'message')
}

describe('the page of fastws proxy in a browser', withBrowser, () => {
  const open = browserForAll()

  /** Opens the page; whatever it complains about fails the test. */
  async function visit(t: TestContext, url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await open({ viewport: DESKTOP, ...options })
    visits.get(t)?.push(context)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    t.after(() => assert.deepEqual(complaints, []))
    await page.goto(url)
    return page
  }

  const row = (page: Page, text: string) => page.locator('#rows tr:not([hidden])', { hasText: text })

  /** Keeps a picture where somebody wants to look at it. */
  async function keep(page: Page, name: string): Promise<void> {
    const folder = process.env.FASTWS_SCREENSHOTS
    if (folder === undefined || folder === '') return
    mkdirSync(folder, { recursive: true })
    await page.screenshot({ path: join(folder, `${name}.png`) })
  }

  test('shows what was and what comes, and the details of it', async (t) => {
    const { url, page: address } = await scene(t)
    const socket = await client(t, url)
    await say(socket, 'before you came')
    const page = await visit(t, address)
    await row(page, 'before you came').first().waitFor()
    await say(socket, 'hello hello hello')
    await row(page, 'hello hello').nth(1).waitFor()
    await row(page, 'hello hello').first().click()
    const details = page.locator('#details')
    await details.locator('pre').first().waitFor()
    const text = await details.innerText()
    for (const part of [
      'the client',
      '1, the last frame of its message',
      '1, text',
      '1 0 0',
      'hello hello hello',
      '000000',
    ])
      assert.ok(text.includes(part), part)
    await row(page, 'GET / HTTP/1.1').click()
    await details.getByText('Sec-WebSocket-Key').waitFor()
  })

  test('never takes what a peer sent for HTML', async (t) => {
    const { url, page: address } = await scene(t)
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    const socket = await client(t, `${url}/${encodeURIComponent(evil)}?${evil.replaceAll(' ', '')}`)
    const page = await visit(t, address)
    await say(socket, evil)
    await row(page, 'onerror').nth(2).waitFor()
    await row(page, 'document.title').last().click()
    await page.locator('#details pre').first().waitFor()
    assert.equal(await page.locator('img, #rows script, #details script').count(), 0)
    assert.equal(await page.title(), 'fastws proxy')
    assert.equal(await page.locator('#details pre').first().textContent(), evil)
  })

  test('filters by text, opcode, direction and connection', async (t) => {
    const { url, page: address } = await scene(t)
    const [one, two] = [await client(t, url), await client(t, url)]
    await say(one, 'apple')
    await say(two, 'banana')
    await say(two, Buffer.from([1, 2, 3]))
    const page = await visit(t, address)
    await row(page, '010203').nth(1).waitFor()
    const shown = (): Promise<number> => page.locator('#rows tr:not([hidden])').count()
    assert.equal(await shown(), 8)
    await page.fill('#text', 'APPLE')
    assert.equal(await shown(), 2)
    await page.fill('#text', '')
    await page.selectOption('#opcode', 'binary')
    assert.equal(await shown(), 2)
    await page.selectOption('#direction', 'sent')
    assert.equal(await shown(), 1)
    await page.selectOption('#opcode', '')
    await page.selectOption('#conn', '2')
    assert.equal(await shown(), 2)
    await page.selectOption('#direction', '')
    await page.selectOption('#opcode', 'other')
    assert.equal(await row(page, 'GET /').count(), 1)
    await page.selectOption('#opcode', 'faults')
    assert.equal(await shown(), 0)
    assert.match((await page.locator('#status').textContent()) ?? '', /^0 of 8 shown/)
  })

  test('stands still when it is paused, and forgets when it is cleared', async (t) => {
    const { url, page: address } = await scene(t)
    const socket = await client(t, url)
    const page = await visit(t, address)
    await row(page, 'GET /').waitFor()
    await page.click('#pause')
    await say(socket, 'later')
    await page.getByText('paused, 2 wait').waitFor()
    assert.equal(await row(page, 'later').count(), 0)
    await page.getByRole('button', { name: 'Resume' }).click()
    await row(page, 'later').nth(1).waitFor()
    await page.click('#clear')
    assert.equal(await page.locator('#rows tr').count(), 0)
    await say(socket, 'new')
    await row(page, 'new').nth(1).waitFor()
    assert.equal(await page.locator('#rows tr').count(), 2)
  })

  test('keeps no more rows than it says', async (t) => {
    const { url, page: address } = await scene(t)
    const socket = await client(t, url)
    const page = await visit(t, address)
    await row(page, 'GET /').waitFor()
    let echoed = 0
    socket.on('message', () => echoed++)
    for (let i = 0; i < 1500; i++) socket.send(`message ${i}`)
    while (echoed < 1500) await once(socket, 'message')
    await row(page, '"message 1499"').nth(1).waitFor()
    assert.ok((await page.locator('#rows tr').count()) <= 2000)
    assert.equal(await row(page, 'GET /').count(), 0)
  })

  test('is told the end of the proxy, which does not wait for it', async (t) => {
    const { url, page: address, program } = await scene(t)
    await client(t, url)
    const page = await (await open()).newPage()
    t.after(() => page.context().close())
    await page.goto(address)
    await row(page, 'GET /').waitFor()
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
    await page.getByText('the proxy has ended').waitFor()
    assert.equal(await row(page, 'GET /').count(), 1, 'what was seen stays')
  })

  test('can be worked with by keyboard alone', async (t) => {
    const { url, page: address } = await scene(t)
    const socket = await client(t, url)
    for (const text of ['first', 'second']) await say(socket, text)
    const page = await visit(t, address)
    await row(page, 'second').nth(1).waitFor()
    const focused = (): Promise<string> =>
      page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
    const order: string[] = []
    for (let i = 0; i < 7; i++) {
      await page.keyboard.press('Tab')
      order.push(await focused())
    }
    assert.deepEqual(order.slice(0, 6), ['text', 'opcode', 'direction', 'conn', 'pause', 'clear'])
    assert.match(order[6] ?? '', /GET \//)
    await page.keyboard.press('ArrowDown')
    await page.locator('#details').getByText('first').first().waitFor()
    await page.keyboard.press('End')
    assert.match(await focused(), /second/)
    await page.keyboard.press('Home')
    await page.locator('#details').getByText('GET /').first().waitFor()
    const grid = page.getByRole('grid', { name: 'Frames' })
    const selected = grid.getByRole('row', { selected: true })
    assert.equal(await selected.count(), 1)
    assert.equal(await selected.getByRole('gridcell').count(), 7)
    assert.equal(await grid.getByRole('columnheader').count(), 7)
    assert.equal(await page.locator('#rows tr[aria-selected=false]').count(), 4)
    assert.equal(
      await page.locator('#details[aria-live]').count(),
      0,
      'bytes are read when they are asked for',
    )
  })

  test('fits a phone and a desk, in the light and in the dark', async (t) => {
    const { url, page: address } = await scene(t)
    const socket = await client(t, url)
    await say(
      socket,
      JSON.stringify({ type: 'chat', text: 'a longer message that has to be cut somewhere '.repeat(5) }),
    )
    await say(socket, Buffer.from([1, 2, 3]))
    for (const viewport of [PHONE, DESKTOP])
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await visit(t, address, { viewport, colorScheme })
        await row(page, 'chat').first().click()
        await page.locator('#details pre').first().waitFor()
        const sizes = await page.evaluate<number[]>(
          '[document.documentElement.scrollWidth, innerWidth, document.documentElement.scrollHeight, innerHeight]',
        )
        assert.ok((sizes[0] ?? 0) <= (sizes[1] ?? 0) && (sizes[2] ?? 0) <= (sizes[3] ?? 0), sizes.join())
        await keep(page, `proxy-${viewport.width}-${colorScheme}`)
      }
  })
})
