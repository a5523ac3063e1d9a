import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { dial } from 'fastws'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { start } from '../../examples/demo/server.js'
import { freePort } from '../support/index.js'
import { browserForAll, PATIENCE, withBrowser } from './browser.js'

const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

/** Waits until an expression of the page is true. (The page forbids `eval`, which Playwright's own waiting needs.) */
const until = (page: Page, expression: string): Promise<void> =>
  page.evaluate<void>(`new Promise((resolve, reject) => {
    const late = performance.now() + ${PATIENCE}
    const look = () => {
      if (${expression}) resolve()
      else if (performance.now() > late) reject(new Error(${JSON.stringify(expression)}))
      else setTimeout(look, 10)
    }
    look()
  })`)

/** Notes from now on whether something was so, for however short a time. */
const watchFor = (page: Page, expression: string): Promise<void> =>
  page.evaluate<void>(`void (window.seen = false, new MutationObserver(() => (window.seen ||= ${expression}))
    .observe(document.body, { childList: true, subtree: true, characterData: true }))`)

const textOf = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)})?.textContent`
const has = (selector: string, text: string): string =>
  `${textOf(selector)}?.includes(${JSON.stringify(text)}) === true`
/** Rows of the wire that fit, newest last. */
const rowsWith = (page: Page, text: string, classes = ''): Promise<readonly string[]> =>
  page.locator(`#rows tr${classes}`, { hasText: text }).allTextContents()

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text)
  await page.press('#text', 'Enter')
}

/** The colour of a cell of the board. */
const cell = (page: Page, x: number, y: number): Promise<string> =>
  page.evaluate<string>(`(() => {
    const canvas = document.querySelector('#cells')
    const size = canvas.width / 32
    return canvas.getContext('2d').getImageData((${x} + 0.5) * size, (${y} + 0.5) * size, 1, 1).data.join()
  })()`)

/** What a canvas has before its first picture. */
const BLANK = '0,0,0,0'

/** Waits for a cell's colour, by timers: a page that nobody looks at may get no animation frames. */
async function cellOnce(
  page: Page,
  x: number,
  y: number,
  isRight: (color: string) => boolean,
): Promise<string> {
  const late = performance.now() + PATIENCE
  for (;;) {
    const color = await cell(page, x, y)
    if (isRight(color)) return color
    if (performance.now() > late) assert.fail(`the cell at ${x}, ${y} stays ${color}`)
    await pause(10)
  }
}
const untilCell = (page: Page, x: number, y: number, color: string): Promise<string> =>
  cellOnce(page, x, y, (seen) => seen === color)
/** What was painted is on the screen with the next picture, not at once. */
const untilPainted = (page: Page, x: number, y: number, bare: string): Promise<string> =>
  cellOnce(page, x, y, (seen) => seen !== bare && seen !== BLANK)

/** How many pixels of a plot have the colour of a direction; what the legend has is the same one. */
const marks = (plot: string, direction: 'in' | 'out'): string => `(() => {
  const color = getComputedStyle(document.querySelector('figcaption i.${direction}')).backgroundColor
  const canvas = document.querySelector('${plot}')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let i = 0; i < data.length; i += 4)
    if (\`rgb(\${data.subarray(i, i + 3).join(', ')})\` === color && data[i + 3] === 255) count++
  return count
})()`

/** Clicks at the very moment of what is asked after it: nothing can come between. */
const after = (selector: string, expression: string): string =>
  `(document.querySelector('${selector}').click(), ${expression})`

/** Lets a test find every socket that the page opens, in `sockets`; `onSocket` is told of the next ones. */
const SOCKETS = `
  window.sockets = []
  window.WebSocket = class extends WebSocket {
    constructor(address) {
      super(address)
      sockets.push(this)
      window.onSocket?.(this)
    }
  }`.trim()

async function pictureOf(page: Page, name: string): Promise<void> {
  const folder = process.env.FASTWS_SCREENSHOTS
  if (folder === undefined || folder === '') return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

const IS_LIGHT = 'getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128'

describe('the demo in Chromium', withBrowser, () => {
  const newVisitor = browserForAll()

  async function serve(t: TestContext): Promise<string> {
    const { url, close } = await start(0)
    t.after(close)
    return url
  }

  /** Somebody who opens the page; whatever the page complains about fails the test. */
  async function comeIn(
    t: TestContext,
    url: string,
    name = '',
    { script = '', ...options }: BrowserContextOptions & { script?: string } = {},
  ): Promise<Page> {
    const visitor = await newVisitor({ viewport: DESKTOP, ...options })
    await visitor.addInitScript(script)
    const complaints: string[] = []
    t.after(async () => {
      await visitor.close()
      assert.deepEqual(complaints, [])
    })
    const page = await visitor.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(url)
    await until(page, has('#status', 'Connected'))
    await until(page, 'document.querySelectorAll("#people li").length > 0')
    assert.match((await page.getAttribute('#name', 'placeholder')) ?? '', /^Guest \d+$/)
    if (name !== '') {
      await page.fill('#name', name)
      await page.press('#name', 'Enter')
      await until(page, has('#people', name))
    }
    return page
  }

  test('what one says arrives, as text and nothing else, and latecomers find it', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const bob = await comeIn(t, url, 'Bob <b>')
    const text = '<img src=x onerror="document.title=1"> <b>& so on</b>'
    assert.equal(await ann.locator('#log .empty').count(), 1)
    await say(bob, text)
    await until(ann, has('.said p', text))
    assert.equal(await ann.locator('#log .empty').count(), 0, 'something was said')
    assert.equal(await ann.locator('.said .who').textContent(), 'Bob <b>')
    assert.equal(await ann.locator('#log img, #log p b, #people b, #rows b').count(), 0)
    const cid = await comeIn(t, url)
    await until(cid, has('.said p', text))
    assert.equal(await cid.title(), 'fastws demo')
    await assert.rejects(ann.evaluate('document.body.innerHTML = "x"'), /TrustedHTML|Trusted Type/)
  })

  test('everyone sees who is here, who types, who is idle, and who leaves', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const visitor = await newVisitor()
    t.after(() => visitor.close())
    const bob = await visitor.newPage()
    await bob.clock.install()
    await bob.goto(url)
    await until(ann, has('#people-title', 'Here (2)'))
    // After three seconds without a key it is over, and the machine may stand still for longer.
    const types = `${has('#typing', 'Guest 2 is typing …')} && ${has('#people [data-state=typing]', 'Guest 2')}`
    await watchFor(ann, types)
    await bob.locator('#text').pressSequentially('Hel')
    await until(ann, 'window.seen')
    await bob.press('#text', 'Enter')
    await until(ann, `${textOf('#typing')} === ''`)
    await watchFor(ann, types)
    await bob.locator('#text').pressSequentially('lo')
    await until(ann, 'window.seen')
    await bob.clock.fastForward(4_000)
    await until(ann, `${textOf('#typing')} === ''`)
    await bob.clock.fastForward(61_000)
    await until(ann, has('#people [data-state=idle]', 'Guest 2'))
    await bob.mouse.move(5, 5)
    await until(ann, 'document.querySelector("#people [data-state=idle]") === null')
    await bob.close()
    await until(ann, has('#people-title', 'Here (1)'))
    await until(ann, has('#log', 'Guest 2 left'))
  })

  test('the board is painted by pointer and by keyboard, and is the same for all', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url)
    const bob = await comeIn(t, url)
    const bare = await cellOnce(bob, 1, 1, (seen) => seen !== BLANK)
    const box = await ann.locator('#cells').boundingBox()
    assert.ok(box !== null)
    const at = (x: number, y: number): [number, number] => [
      box.x + ((x + 0.5) * box.width) / 32,
      box.y + ((y + 0.5) * box.height) / 20,
    ]
    await ann.mouse.move(...at(1, 1))
    await ann.mouse.down()
    await ann.mouse.move(...at(9, 1)) // in one leap: the cells between are painted, too
    await ann.mouse.up()
    const indigo = await untilPainted(ann, 1, 1, bare)
    for (const x of [1, 5, 9]) await untilCell(bob, x, 1, indigo)

    await bob.focus('#cells')
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', '7', 'Space']) await bob.keyboard.press(key)
    assert.equal(await bob.getByLabel('red').isChecked(), true)
    assert.equal(await bob.textContent('#board-status'), 'red painted')
    const red = await untilPainted(bob, 1, 2, bare)
    await untilCell(ann, 1, 2, red)
    await bob.keyboard.press('ArrowLeft')
    assert.equal(await bob.textContent('#board-status'), 'Column 1, row 3, bare')
    await bob.keyboard.press('ArrowRight')
    assert.equal(await bob.textContent('#board-status'), 'Column 2, row 3, red')

    const cid = await comeIn(t, url)
    await untilCell(cid, 9, 1, indigo)
    await untilCell(cid, 1, 2, red)
  })

  test('rooms are apart: with people, talk and a board of their own', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const bob = await comeIn(t, url, 'Bob')
    await bob.click('[data-room=garden]')
    await until(bob, has('#room-name', 'garden'))
    await until(ann, has('[data-room=garden] .count', '1'))
    await until(ann, has('#people-title', 'Here (1)'))
    await say(bob, 'roses')
    await until(bob, has('#log', 'roses'))
    await say(ann, 'tulips')
    await until(ann, has('#log', 'tulips'))
    assert.equal(await ann.locator('#log', { hasText: 'roses' }).count(), 0)
    await bob.reload()
    await until(bob, has('#room-name', 'garden'))
    await until(bob, has('#log', 'roses'))
    await until(bob, has('#people', 'Bob'))
    assert.equal(await bob.getAttribute('[data-room=garden]', 'aria-current'), 'true')
  })

  test('the room is in the address; what is no name of a room leads to the lobby', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, `${url}/#%`)
    assert.equal(await ann.textContent('#room-name'), 'the lobby')
    await ann.evaluate('location.hash = "#garden"')
    await until(ann, has('#room-name', 'garden'))
    await ann.evaluate('location.hash = "#%"')
    await until(ann, has('#room-name', 'lobby'))
    await until(ann, 'location.hash === "#lobby"')
  })

  test('a room that is chosen without a connection is entered with the next one', async (t) => {
    const first = await start(await freePort())
    t.after(first.close)
    const ann = await comeIn(t, first.url, '', { script: SOCKETS })
    await first.close()
    await until(ann, has('#status', 'Lost: '))
    await ann.click('[data-room=garden]')
    await until(ann, has('#log', 'garden with the next connection'))
    const second = await start(Number(new URL(first.url).port))
    t.after(second.close)
    await until(ann, has('#room-name', 'garden'))

    // At the last moment: the server has been told by then where to.
    await ann.evaluate(`void (window.onSocket = ({ url }) => {
      if (!url.includes('/chat')) return
      window.onSocket = undefined
      document.querySelector('[data-room=workshop]').click()
    })`)
    await ann.click('#cut')
    await until(ann, has('#room-name', 'workshop'))
    await until(ann, 'document.querySelector("[data-room=workshop]").ariaCurrent === "true"')
  })

  test('the wire shows every frame as the server sees it', async (t) => {
    const ann = await comeIn(t, await serve(t), 'Ann')
    await say(ann, 'over the wire')
    await until(ann, has('#rows', '"type":"said"'))
    const [sent = ''] = await rowsWith(ann, '"type":"say"', '.in')
    assert.match(sent, /^\d\d:\d\d\.\d{3}↑to the servertextF123[\da-f]{8}37\{"type":"say"/)
    const [said = ''] = await rowsWith(ann, '"type":"said"', '.out')
    assert.match(said, /^\d\d:\d\d\.\d{3}↓to youtextF123–\d+\{"type":"said"/)

    await ann.locator('#rows tr.in', { hasText: '"type":"say"' }).click()
    const detail = (await ann.textContent('#detail')) ?? ''
    const key = /textF123([\da-f]{8})/.exec(sent)?.[1] ?? ''
    assert.ok(detail.includes(`Header81 a5 ${key.match(/../g)?.join(' ')}`), detail)
    assert.ok(detail.includes('0000  7b 22 74 79 70 65 22 3a'), detail)

    await ann.click('#ping')
    await until(ann, has('#ping', ' ms'))
    await until(ann, has('#rows', '"type":"pinged"')) // what it shows comes by another socket
    assert.equal((await rowsWith(ann, 'ping', '.out.control')).length, 1)
    assert.equal((await rowsWith(ann, 'pong', '.in.control')).length, 1)

    // The board came in parts: FIN is set in the last one only.
    const board = await ann.evaluate<readonly string[]>(`[...document.querySelectorAll('#rows tr.out')]
      .map((row) => row.dataset.opcode + ' ' + (row.querySelector('.set')?.textContent ?? '–'))`)
    assert.deepEqual(board.slice(0, 7), ['text F', 'binary –', ...Array(4).fill('cont –'), 'cont F'])
    for (const plot of ['#rate', '#sizes'])
      for (const direction of ['in', 'out'] as const) await until(ann, `${marks(plot, direction)} > 0`)
    await pictureOf(ann, 'wire')
  })

  test('the wire can be filtered, paused, cleared, and walked by keyboard', async (t) => {
    const ann = await comeIn(t, await serve(t), 'Ann')
    const bob = await comeIn(t, ann.url())
    await ann.click('#ping')
    await until(ann, has('#rows', '"type":"pinged"')) // the last frame that comes of it
    const shown = (): Promise<number> => ann.locator('#rows tr').count()
    await ann.getByRole('button', { name: 'Pause' }).click() // the keepalive may have something to say meanwhile
    const all = await shown()
    await ann.fill('#filter', 'PONG')
    assert.equal(await shown(), 1)
    await ann.fill('#filter', '"type":"people"')
    assert.ok((await shown()) > 1)
    assert.equal((await rowsWith(ann, '"type":"people"')).length, await shown())
    await ann.fill('#filter', '')
    assert.equal(await shown(), all)
    await ann.getByLabel('control').uncheck()
    assert.equal(await shown(), all - 2)
    await ann.getByLabel('in ↑').uncheck()
    assert.equal(await ann.locator('#rows tr.in').count(), 0)
    await ann.getByLabel('out ↓').uncheck()
    assert.equal(await shown(), 0)
    for (const label of ['in ↑', 'out ↓', 'control']) await ann.getByLabel(label).check()

    await say(bob, 'while paused')
    await until(ann, has('#log', 'while paused'))
    await until(ann, `/Resume \\([1-9]\\d*\\)/.test(${textOf('#pause')})`)
    assert.equal(await ann.getAttribute('#pause', 'aria-pressed'), 'true')
    assert.equal(await shown(), all)
    await ann.click('#pause')
    await until(ann, has('#rows', 'while paused'))
    assert.equal(await ann.textContent('#pause'), 'Pause')

    await ann.locator('#rows tr').first().focus()
    await ann.keyboard.press('ArrowDown')
    const second = await ann.locator('#rows tr').nth(1).getAttribute('aria-selected')
    assert.equal(second, 'true')
    assert.ok((await ann.textContent('#detail'))?.includes('binary'))
    await ann.keyboard.press('End')
    assert.equal(await ann.locator('#rows tr').last().getAttribute('tabindex'), '0')
    assert.equal(await ann.locator('#rows tr[tabindex="0"]').count(), 1, 'one stop for the Tab key')

    await ann.click('#clear')
    assert.equal(await shown(), 0)
  })

  test('the plots keep what the table does not, and the keyboard stays among the frames', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const talker = await dial(`${url}/chat`)
    t.after(() => talker.terminate())
    /** By the hundred: a viewer that is behind misses frames. */
    const talk = async (word: string, times: number): Promise<void> => {
      for (let said = 0; said < times; said += 100) {
        const before = await ann.textContent('#count')
        for (let i = 0; i < 100; i++)
          await talker.send(JSON.stringify({ type: 'say', text: `${word} ${said + i}` }))
        await until(ann, `${textOf('#count')} - ${before} >= 100`)
      }
    }
    await until(ann, has('#rows', '"type":"name"'))
    // Paused, so that no minute can pass: what Ann sent is among the first, and nothing that follows is.
    await ann.click('#pause')
    await talk('soon', 600)
    for (const plot of ['#rate', '#sizes'])
      assert.ok((await ann.evaluate<number>(after('#theme', marks(plot, 'in')))) > 0, plot)

    await ann.click('#pause')
    await ann.locator('#rows tr').first().focus()
    const chosen = await ann.textContent('#rows tr')
    await talk('later', 100)
    await until(ann, `${has('#rows', 'later 99')} && ${textOf('#rows tr')} !== ${JSON.stringify(chosen)}`)
    talker.terminate() // it has read nothing: to close would take its time
    assert.equal(await ann.locator('#rows tr').count(), 500)
    assert.equal(await ann.evaluate('document.activeElement === document.querySelector("#rows tr")'), true)
    assert.equal(await ann.getAttribute('#rows tr', 'aria-selected'), 'true')
  })

  for (const hours of [-1, 1])
    test(`the plots show what comes where the clock is ${hours} h off`, async (t) => {
      const script = `const now = Date.now; Date.now = () => now() + ${hours * 3_600_000}`
      const ann = await comeIn(t, await serve(t), '', { script })
      for (const plot of ['#rate', '#sizes']) await until(ann, `${marks(plot, 'out')} > 0`)
      assert.ok((await ann.evaluate<number>(after('#pause', after('#theme', marks('#rate', 'out'))))) > 0)
      assert.equal(await ann.evaluate(after('#clear', marks('#rate', 'out'))), 0)
    })

  test('nobody sees the frames of somebody else', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const bob = await comeIn(t, url)
    await say(ann, 'hello')
    await until(bob, has('#rows', '"text":"hello"'))
    await until(ann, has('#rows', '"type":"say"'))
    assert.equal((await rowsWith(bob, '"type":"say"')).length, 0)
    assert.equal((await rowsWith(ann, '"type":"say"')).length, 1)
  })

  test('the page comes back after a cut, and after a restart of the server', async (t) => {
    const first = await start(await freePort()) // nobody else takes it while it is down
    t.after(first.close)
    const ann = await comeIn(t, first.url, 'Ann')
    await ann.evaluate(`new MutationObserver(() => (window.lost ||= ${has('#status', 'Lost: ')}))
      .observe(document.querySelector('#status-text'), { childList: true })`)
    await ann.click('#cut')
    await until(ann, 'window.lost === true')
    await until(ann, has('#status', 'Connected'))
    await until(ann, has('#people', 'Ann'))

    await first.close()
    await until(ann, has('#status', 'Lost: '))
    await until(
      ann,
      `[...document.querySelectorAll('#rows .control')].some(${'(row) => row.textContent.includes("1012 Restarting")'})`,
    )
    assert.equal(await ann.locator('#form button').isDisabled(), true)
    await pictureOf(ann, 'lost')
    const second = await start(Number(new URL(first.url).port))
    t.after(second.close)
    await until(ann, has('#status', 'Connected'))
    await until(ann, has('#people', 'Ann'))
    assert.equal(await ann.locator('#retry').isVisible(), false)
    await say(ann, 'back again')
    await until(ann, has('.said p', 'back again'))
  })

  test('the page waits longer from time to time, at random, and comes back at once when it can', async (t) => {
    const first = await start(await freePort())
    t.after(first.close)
    const ann = await comeIn(t, first.url, '', { script: 'Math.random = () => 1' })
    await ann.clock.install()
    await ann.clock.pauseAt(Date.now() + 3_600_000)
    await ann.evaluate(`
      window.told = []
      new MutationObserver(() => told.push(${textOf('#status-text')}))
        .observe(document.querySelector('#status-text'), { childList: true, characterData: true, subtree: true })`)
    let losses = 0
    /** Waits by our own clock, as the page's stands still, until it has been told that the connection is lost again. */
    const lostAgain = async (): Promise<void> => {
      losses++
      const late = performance.now() + PATIENCE
      while (
        (await ann.evaluate<number>('told.filter((text) => text.startsWith("Lost: ")).length')) < losses
      ) {
        assert.ok(performance.now() < late, 'the page tells that it is not connected')
        await pause(10)
      }
    }
    const attempts = (): Promise<number> =>
      ann.evaluate('told.filter((text) => text === "Connecting …").length')
    /** Lets the time of a wait pass: not before its end does the page try again. */
    const passes = async (wait: number): Promise<void> => {
      const before = await attempts()
      await ann.clock.runFor(wait - 1)
      assert.equal(await attempts(), before, `${wait} ms are not over`)
      await ann.clock.runFor(1)
      assert.equal(await attempts(), before + 1, `${wait} ms are over`)
      await lostAgain()
    }

    await first.close()
    await lostAgain()
    for (const wait of [400, 800, 1_600, 3_200, 6_400, 12_800, 15_000]) await passes(wait)
    assert.equal(await ann.getAttribute('#countdown', 'aria-hidden'), 'true', 'it is not read out')
    assert.equal(await ann.textContent('#countdown'), 'Next try in 15 s')
    await ann.clock.runFor(5_000)
    assert.equal(await ann.textContent('#countdown'), 'Next try in 10 s')
    await ann.evaluate('Math.random = () => 0')
    await passes(10_000)
    await passes(7_500)
    for (const now of ['document.querySelector("#retry").click()', 'dispatchEvent(new Event("online"))']) {
      const before = await attempts()
      await ann.evaluate(now)
      assert.equal(await attempts(), before + 1, now)
      await lostAgain()
    }
    const told = await ann.evaluate<readonly string[]>('told')
    for (const [i, text] of told.entries()) assert.equal(text.startsWith('Lost: '), i % 2 === 0, `${told}`)
  })

  test('a viewer that is lost comes back, as long as its connection is there', async (t) => {
    const script = `${SOCKETS}
      window.onSocket = (socket) => {
        window.onSocket = undefined
        socket.close() // the first one, before it is open
      }`
    const ann = await comeIn(t, await serve(t), 'Ann', { script })
    const viewers = 'sockets.filter(({ url }) => url.includes("/wire"))'
    await until(ann, `${viewers}[1]?.readyState === WebSocket.OPEN`)
    await say(ann, 'seen by the second')
    await until(ann, has('#rows', 'seen by the second'))
    await ann.evaluate(`${viewers}[1].close()`)
    await until(ann, `${viewers}[2]?.readyState === WebSocket.OPEN`)
    await say(ann, 'seen by the third')
    await until(ann, has('#rows', 'seen by the third'))
    assert.equal(await ann.locator('#left-out').isVisible(), false)
    await ann.evaluate(`${viewers}[2].onmessage({ data: JSON.stringify({
      at: Date.now(), direction: 'out', fin: true, rsv: '000', opcode: 1, maskKey: null, length: 0, payload: '', leftOut: 7,
    }) })`)
    assert.match((await ann.textContent('#left-out')) ?? '', /7 frames left out/)
    assert.equal(await ann.locator('#left-out').isVisible(), true)
    await ann.click('#clear')
    assert.equal(await ann.locator('#left-out').isVisible(), false)
  })

  test('everything can be reached and done by keyboard alone', async (t) => {
    const ann = await comeIn(t, `${await serve(t)}/#garden`)
    await ann.keyboard.press('Tab')
    await ann.keyboard.press('Enter') // the first stop leads past everything to the message field
    await ann.keyboard.type('no mouse')
    await ann.keyboard.press('Enter')
    await until(ann, has('.said p', 'no mouse'))
    assert.equal(await ann.textContent('#room-name'), 'the garden', 'and into no other room')
    await ann.evaluate('document.activeElement.blur(), getSelection().removeAllRanges()')
    const stops = new Set<string>()
    for (let i = 0; i < 30; i++) {
      await ann.keyboard.press('Tab')
      const stop =
        'document.activeElement.id || document.activeElement.dataset.room || document.activeElement.closest("[id]")?.id'
      stops.add(await ann.evaluate<string>(stop))
    }
    const expected = [
      'name',
      'theme',
      'lobby',
      'garden',
      'workshop',
      'cells',
      'palette',
      'log',
      'text',
      'form',
    ]
    expected.push(
      'ping',
      'cut',
      'filter',
      'show-in',
      'show-out',
      'show-control',
      'pause',
      'clear',
      'rows',
      'detail',
    )
    for (const stop of expected) assert.ok(stops.has(stop), `${stop} is among ${[...stops].join(', ')}`)
    await ann.focus('[data-room=workshop]')
    await ann.keyboard.press('Enter')
    await until(ann, has('#room-name', 'workshop'))
    await until(ann, 'document.activeElement.dataset.room === "workshop"')
  })

  test('the message field is one step away on a phone, whatever it shows', async (t) => {
    const ann = await comeIn(t, `${await serve(t)}/#garden`, '', { viewport: PHONE })
    await show(ann, 'wire')
    await ann.focus('#skip')
    await ann.keyboard.press('Enter')
    await ann.keyboard.type('from a phone')
    await ann.keyboard.press('Enter')
    await until(ann, has('.said p', 'from a phone'))
    assert.equal(await ann.locator('#text').isVisible(), true)
    assert.equal(await ann.getAttribute('#views [data-view=chat]', 'aria-current'), 'true')
    assert.equal(await ann.textContent('#room-name'), 'the garden')
    // A phone makes a page larger when somebody types into less than 16 pixels, and leaves it so.
    for (const field of ['#text', '#name', '#filter'])
      assert.equal(
        await ann.evaluate(`getComputedStyle(document.querySelector('${field}')).fontSize`),
        '16px',
      )
  })

  test('news are told to those who cannot see them, and everything has a name', async (t) => {
    const ann = await comeIn(t, await serve(t))
    for (const [selector, role] of [
      ['#log', 'log'],
      ['#status', 'status'],
      ['#board-status', 'status'],
      ['#frames', 'grid'],
    ] as const)
      assert.equal(await ann.getAttribute(selector, 'role'), role)
    await until(ann, 'document.querySelector("#log").ariaLive === "polite"')
    await say(ann, 'hello')
    await until(ann, has('.said p', 'hello'))
    const items = '[...document.querySelectorAll("li")]'
    const areListed = `${items}.every((item) => item.parentElement.matches(":is(ul, ol):not([role])"))`
    assert.equal(await ann.evaluate(areListed), true, 'an item of a list is in a list')
    const nameless = await ann.evaluate<readonly string[]>(`
      [...document.querySelectorAll('button, input, canvas, section, nav, table')]
        .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim() ||
          document.getElementById(one.getAttribute('aria-labelledby'))?.textContent))
        .map((one) => one.outerHTML.slice(0, 80))`)
    assert.deepEqual(nameless, [])
  })

  test('the theme that was chosen is kept', async (t) => {
    const ann = await comeIn(t, await serve(t), '', { colorScheme: 'light' })
    assert.equal(await ann.evaluate(IS_LIGHT), true)
    await ann.click('#theme')
    assert.equal(await ann.evaluate(IS_LIGHT), false)
    await ann.reload()
    await until(ann, has('#status', 'Connected'))
    assert.deepEqual(
      [await ann.evaluate(IS_LIGHT), await ann.getAttribute('#theme', 'aria-pressed')],
      [false, 'true'],
    )
    await ann.click('#theme')
    assert.equal(await ann.evaluate(IS_LIGHT), true)
  })

  test('the colours to paint with stay apart where the system chooses all colours', async (t) => {
    const ann = await comeIn(t, await serve(t), '', { forcedColors: 'active' })
    const backgrounds = `[...document.querySelectorAll('#palette label')]
      .map((label) => getComputedStyle(label).backgroundColor)`
    assert.equal(new Set(await ann.evaluate<readonly string[]>(backgrounds)).size, 9)
  })

  const VIEWPORTS = [PHONE, { width: 820, height: 1180 }, { width: 1180, height: 700 }, DESKTOP]
  const SCHEMES = ['light', 'dark'] as const

  test('the page fits phones, tablets and desks, light and dark', async (t) => {
    const url = await serve(t)
    const ann = await comeIn(t, url, 'Ann')
    const bob = await comeIn(t, url, 'Bartholomew the Longname')
    await say(ann, 'Hello there, who is painting?')
    await until(ann, has('.said p', 'Hello there'))
    await say(bob, `Me, and I say ${'w'.repeat(200)} and words`)
    await until(ann, has('.said:last-child p', 'and words'))
    for (const viewport of VIEWPORTS)
      for (const colorScheme of SCHEMES) {
        await ann.setViewportSize(viewport)
        await ann.emulateMedia({ colorScheme })
        assert.equal(await ann.evaluate(IS_LIGHT), colorScheme === 'light')
        await bob.fill('#text', '')
        await untilTyping(ann, bob, 'Bartholomew the Longname')
        for (const view of viewport.width < 1180 ? ['chat', 'board', 'wire'] : ['']) {
          await show(ann, view)
          await pictureOf(ann, [viewport.width, colorScheme, view].filter(Boolean).join('-'))
          assert.deepEqual(await outside(ann), [], `${viewport.width} ${view}`)
        }
      }
    await ann.click('#theme')
    assert.equal(await ann.getAttribute('#theme', 'aria-pressed'), 'false', 'it was dark')
  })
})

/** Types until it is seen: three seconds after a key it is not any more, and a machine may stand still for longer. */
async function untilTyping(seer: Page, typist: Page, name: string): Promise<void> {
  const late = performance.now() + PATIENCE
  for (;;) {
    await typist.locator('#text').pressSequentially('t')
    for (let looks = 0; looks < 100; looks++) {
      if (await seer.evaluate<boolean>(has('#typing', `${name} is typing …`))) return
      await pause(10)
    }
    if (performance.now() > late) assert.fail(`${name} is not seen typing`)
  }
}

/** Goes to a view of a narrow page, where there is one at a time; '' is the wide page, which shows all. */
async function show(page: Page, view: string): Promise<void> {
  assert.equal(await page.locator('#views').isVisible(), view !== '')
  if (view !== '') await page.click(`#views [data-view=${view}]`)
  for (const part of ['chat', 'board', 'wire'])
    assert.equal(await page.locator(`#${part}`).isVisible(), view === '' || part === view)
  if (view === '' || view === 'wire') await page.locator('#rows tr').last().click()
  await page.evaluate('new Promise(requestAnimationFrame)')
}

/** What sticks out of its part of the page, or of the window. */
const outside = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`
    [...document.querySelectorAll('body, main, button, input:not([type=radio]), figcaption span, h2, #detail, .said p')]
      .filter((one) => one.checkVisibility() && one.closest('#rooms, #people') === null)
      .filter((one) => {
        const { right, bottom } = one.getBoundingClientRect()
        const around = one.parentElement.closest('section, header, nav, #side, html').getBoundingClientRect()
        const { scrollWidth, scrollHeight } = document.documentElement
        return right > around.right + 1 || Math.max(right, scrollWidth) > innerWidth || scrollHeight > innerHeight
      })
      .map((one) => one.id || one.textContent.trim().slice(0, 40))`)
