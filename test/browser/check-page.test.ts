import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { listen } from '../support/index.js'
import { echoPeers } from '../tools/echo.js'
import { ReferencePeer, referenceServer } from '../tools/reference-server.js'
import { runMain } from '../tools/run-main.js'
import { serveMain } from '../tools/start-main.js'
import { browserForAll, withBrowser } from './browser.js'

const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

/** Text of a peer that would do something on a page that believes it, or turn it around. */
const HOSTILE = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>\u202eevil'

describe('the page of fastws check', withBrowser, () => {
  const visitor = browserForAll()

  /** Checks a server, and opens the page of the report; whatever the page complains about fails the test. */
  async function report(
    t: TestContext,
    port: number,
    args: readonly string[],
    options?: BrowserContextOptions,
  ) {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-page-'))
    t.after(() => rmSync(folder, { recursive: true }))
    await runMain('check', `ws://127.0.0.1:${port}/`, '--report', folder, '--timeout', '60000', ...args)
    return { ...(await open(t, pathToFileURL(join(folder, 'index.html')).href, options)), folder }
  }

  async function open(t: TestContext, url: string, options: BrowserContextOptions = { viewport: DESKTOP }) {
    const context = await visitor(options)
    t.after(() => context.close())
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('request', (request) => {
      if (request.url().split('#')[0] !== url.split('#')[0]) complaints.push(`asks for ${request.url()}`)
    })
    t.after(() => assert.deepEqual(complaints, []))
    await page.goto(url)
    return { page, complaints }
  }

  const cell = (page: Page, id: string) => page.locator(`[id="${id}"]`)
  const details = (page: Page) => page.locator('#details')
  const isOpen = (page: Page): Promise<boolean> => details(page).isVisible()

  const wsServer = () => echoPeers.ws?.server() ?? assert.fail()

  test('shows a grid of cases, and what went over the wire for each', async (t) => {
    const port = await listen(t, wsServer())
    const { page } = await report(t, port, ['--cases', '2,6.4,7.13', '--quiet', '30', '--agent', 'ws'])
    assert.equal(await page.locator('.cells button').count(), 17)
    assert.deepEqual(await page.locator('.counts span').allTextContents(), [
      '11 OK',
      '4 NON-STRICT',
      '2 INFORMATIONAL',
    ])
    assert.deepEqual(await page.locator('.group > span').allTextContents(), [
      '2 Pings and pongs',
      '6.4 Refused at the first wrong byte',
      '7.13 Close codes that the RFC does not know',
    ])
    assert.equal(await isOpen(page), false)
    await cell(page, '6.4.1').click()
    await details(page).waitFor({ state: 'visible' })
    const text = (await details(page).textContent()) ?? ''
    for (const expected of [
      '6.4.1 A code point above U+10FFFF, in three frames',
      'NON-STRICT, closed: OK (1007)',
      'The peer did not refuse it at the first wrong byte',
      'expects Close 1007 at once, before the rest is sent',
      'HTTP/1.1 101 Switching Protocols',
      'continuation masked',
      '< close fin 2 bytes 1007',
    ])
      assert.ok(text.includes(expected), expected)
    assert.match(
      (await page.locator('#details pre .sent').first().textContent()) ?? '',
      / ms > GET \/ HTTP\/1\.1\n/,
    )
  })

  test('tells verdicts in words and in marks, not by colour alone', async (t) => {
    const server = referenceServer({
      Peer: class extends ReferencePeer {
        override sendFailure(): void {}
        override ping(): void {
          super.ping(Buffer.from('another'))
        }
      },
      negotiate: () => undefined,
    })
    const port = await listen(t, server)
    const { page } = await report(t, port, ['--cases', '1.1.1,2.1,3.2,7.1.6,12.1.1'])
    for (const [id, name, mark] of [
      ['1.1.1', '1.1.1 OK', 'none'],
      ['2.1', '2.1 FAILED', '"✗ "'],
      ['3.2', '3.2 NON-STRICT, unclean', '"~ "'],
      ['7.1.6', '7.1.6 INFORMATIONAL', '"i "'],
      ['12.1.1', '12.1.1 UNIMPLEMENTED', '"– "'],
    ] as const) {
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 1, name)
      const style = `getComputedStyle(document.getElementById('${id}'), '::before').content`
      assert.equal(await page.evaluate(style), mark)
    }
  })

  test('is worked by keyboard, by its address, and by going back', async (t) => {
    const port = await listen(t, wsServer())
    const { page } = await report(t, port, ['--cases', '2.1,2.2'])
    await cell(page, '2.1').focus()
    await page.keyboard.press('Enter')
    await details(page).waitFor({ state: 'visible' })
    assert.match(page.url(), /#2\.1$/)
    await page.keyboard.press('Escape')
    assert.equal(await isOpen(page), false)
    assert.equal(await page.evaluate('document.activeElement.id'), '2.1')
    await cell(page, '2.2').click()
    await details(page).waitFor({ state: 'visible' })
    await page.reload()
    await details(page).waitFor({ state: 'visible' })
    assert.match((await details(page).textContent()) ?? '', /2\.2 Ping with text/)
    await page.locator('#details button').click()
    assert.equal(await isOpen(page), false)
    await cell(page, '2.2').click()
    await details(page).waitFor({ state: 'visible' })
    await page.goBack()
    await details(page).waitFor({ state: 'hidden' })
  })

  test('takes what a peer sent for text, whatever it is', async (t) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(`HTTP/1.1 400 ${HOSTILE}\r\nX: ${HOSTILE}\r\n\r\n`)
    })
    const port = await listen(t, server)
    const { page } = await report(t, port, ['--cases', '1.1.1', '--agent', HOSTILE])
    await cell(page, '1.1.1').click()
    await details(page).waitFor({ state: 'visible' })
    const text = (await page.locator('body').innerText()) ?? ''
    assert.ok(text.includes('<img src=x onerror='))
    assert.ok(text.includes('\\u{202e}evil') && !text.includes('\u202e'))
    assert.equal(await page.title(), 'fastws check')
    assert.equal(await page.locator('img').count(), 0)
    assert.equal(await page.locator('script').count(), 2)
    assert.equal(await page.locator('#details .FAILED').count(), 1)
  })

  test('tells several clients apart', async (t) => {
    const { url, done } = await serveMain('--once', '--cases', '2.1')
    for (const [agent, library] of [
      ['one', 'ws'],
      ['two', 'fastws'],
    ] as const)
      await echoPeers[library]?.client(`${url}/runCase?case=1&agent=${agent}`)
    const { page } = await open(t, `${url.replace('ws:', 'http:')}/`)
    assert.deepEqual(await page.locator('h2').allTextContents(), ['one', 'two'])
    await cell(page, '2:2.1').click()
    await details(page).waitFor({ state: 'visible' })
    assert.match((await details(page).textContent()) ?? '', /Sec-WebSocket-Key/)
    await echoPeers.ws?.client(`${url}/updateReports`)
    await done
  })

  for (const [size, viewport] of [
    ['desktop', DESKTOP],
    ['phone', PHONE],
  ] as const)
    for (const colorScheme of ['light', 'dark'] as const)
      test(`fits a ${size}, and can be read, ${colorScheme}`, async (t) => {
        const port = await listen(t, wsServer())
        const args = ['--cases', '1,2,3,6,7', '--quiet', '30', '--agent', 'a'.repeat(200)]
        const { page } = await report(t, port, args, { viewport, colorScheme })
        const width = (): Promise<number> => page.evaluate<number>('document.documentElement.scrollWidth')
        assert.ok((await width()) <= viewport.width)
        await cell(page, '3.2').click()
        await details(page).waitFor({ state: 'visible' })
        assert.ok((await width()) <= viewport.width)
        const wide: number = await page.evaluate(`document.getElementById('details').scrollWidth -
          document.getElementById('details').clientWidth`)
        assert.equal(wide, 0)
        for (const selector of ['.cells button', '#details .verdict', '.sent', '.received', 'h2'])
          assert.ok((await contrast(page, selector)) >= 4.5, selector)
        const folder = process.env.FASTWS_SCREENSHOTS
        if (folder === undefined) return
        mkdirSync(folder, { recursive: true })
        await page.screenshot({ path: join(folder, `check-${size}-${colorScheme}.png`) })
      })

  /** How far text stands out from what is behind it (WCAG 2, 1.4.3). */
  const contrast = (page: Page, selector: string): Promise<number> =>
    page.evaluate<number>(`(() => {
      const parse = (color) => color.match(/[\\d.]+/g).map(Number)
      const light = ([red, green, blue]) => {
        const [r, g, b] = [red, green, blue].map((value) => {
          const share = value / 255
          return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const element = document.querySelector(${JSON.stringify(selector)})
      let behind
      for (let one = element; one && !behind; one = one.parentElement) {
        const color = parse(getComputedStyle(one).backgroundColor)
        if (color.length === 3 || color[3] > 0) behind = color
      }
      const page = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]
      const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind ?? page)]
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    })()`)
})
