import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before } from 'node:test'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The browser to test with: what `FASTWS_BROWSER` names, or the first one in the search path. */
function findBrowser(): string | undefined {
  const named = process.env.FASTWS_BROWSER
  if (named !== undefined && named !== '') return named
  const folders = (process.env.PATH ?? '').split(delimiter)
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}

const executablePath = findBrowser()

/** For `describe()`: these tests need a browser, and install none. */
export const withBrowser = {
  skip:
    executablePath === undefined &&
    `no browser: install Debian's chromium, or name one in FASTWS_BROWSER (looked for ${NAMES.join(', ')})`,
  timeout: 170_000,
}

/** A browser for all tests of a `describe()`; each context is a visitor of its own. */
export function browserForAll(): (options?: BrowserContextOptions) => Promise<BrowserContext> {
  let browser: Browser
  before(async () => {
    if (executablePath === undefined) throw new Error('There is no browser')
    // Root may not use the sandbox; every page that is opened here is ours.
    const args = ['--no-sandbox', '--disable-dev-shm-usage']
    browser = await chromium.launch({ executablePath, args })
  })
  after(() => browser.close())
  return (options) => browser.newContext(options)
}
