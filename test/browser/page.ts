import type { Page } from 'playwright-core'

/** What a page says about a connection that is over. */
export interface Ended {
  readonly opened: boolean
  readonly protocol: string
  readonly extensions: string
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
  /** What came, as `typeof` or the name of the class tells it. */
  readonly kinds: readonly string[]
}

/** How a page connects. */
export interface Visit {
  readonly url: string
  readonly protocols?: readonly string[]
  readonly binaryType?: 'blob' | 'arraybuffer'
  /** What it does when it is open, as code that may use `ws`; it echoes besides. */
  readonly onOpen?: string
}

// The page's half, as text: the types of a browser are not those of this project.
const SCRIPT = `
  const kindOf = (data) => typeof data === 'string' ? 'string' : data.constructor.name
  const visit = ({ url, protocols = [], binaryType = 'arraybuffer', onOpen }) => new Promise((resolve) => {
    const ws = new WebSocket(url, protocols)
    const kinds = []
    let opened = false
    ws.binaryType = binaryType
    ws.onopen = () => {
      opened = true
      if (onOpen) new Function('ws', onOpen)(ws)
    }
    ws.onmessage = ({ data }) => {
      kinds.push(kindOf(data))
      ws.send(data)
    }
    ws.onclose = ({ code, reason, wasClean }) =>
      resolve({ opened, protocol: ws.protocol, extensions: ws.extensions, code, reason, wasClean, kinds })
  })
  // Few at a time: browsers hold back a page that opens many connections at once.
  const visitAll = async (visits, atOnce) => {
    const ends = []
    let next = 0
    const turn = async () => {
      while (next < visits.length) {
        const i = next++
        ends[i] = await visit(visits[i])
      }
    }
    await Promise.all(Array.from({ length: atOnce }, turn))
    return ends
  }
`

/** Opens a page of `url` that can visit. */
export async function openAt(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.addScriptTag({ content: SCRIPT })
}

/** Lets the page connect, and echo until the connection is over. */
export const visit = (page: Page, one: Visit): Promise<Ended> =>
  page.evaluate<Ended>(`visit(${JSON.stringify(one)})`)

/** The same for many, some of them at a time; what came of each, in order. */
export const visitAll = (page: Page, visits: readonly Visit[], atOnce: number): Promise<readonly Ended[]> =>
  page.evaluate<readonly Ended[]>(`visitAll(${JSON.stringify(visits)}, ${atOnce})`)
