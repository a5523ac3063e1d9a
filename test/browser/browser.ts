import { after, before } from 'node:test'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import { pathOf } from '../support/find-program.js'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The browser to test with: what `FASTWS_BROWSER` names, or the first one in the search path. */
function findBrowser(): string | undefined {
  const named = process.env.FASTWS_BROWSER
  return named !== undefined && named !== '' ? named : pathOf(...NAMES)
}

const executablePath = findBrowser()

/** For `describe()`: these tests need a browser, and install none. */
export const withBrowser = {
  skip:
    executablePath === undefined &&
    `no browser: install Debian's chromium, or name one in FASTWS_BROWSER (looked for ${NAMES.join(', ')})`,
  /** A file may have hundreds of visits; less than a whole file has in `.ci/run-tests.mjs`. */
  timeout: 540_000,
}

/** How long a page may take for one step, on the slowest machine. */
export const PATIENCE = 90_000

/** A browser for all tests of a `describe()`; each context is a visitor of its own. */
export function browserForAll(): (options?: BrowserContextOptions) => Promise<BrowserContext> {
  let browser: Browser
  before(async () => {
    if (executablePath === undefined) throw new Error('There is no browser')
    // Root may not use the sandbox; every page that is opened here is ours.
    const args = ['--no-sandbox', '--disable-dev-shm-usage']
    browser = await chromium.launch({ executablePath, args, timeout: PATIENCE })
  })
  after(() => browser.close())
  return async (options) => {
    const context = await browser.newContext(options)
    context.setDefaultTimeout(PATIENCE)
    return context
  }
}
