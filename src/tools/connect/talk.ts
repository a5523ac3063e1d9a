import { CloseError, type CloseReport, type Conn, type DialOptions, dial, type Message } from '../../index.js'
import { columns, UsageError } from '../command.js'
import { asUsage } from '../dial-flags.js'
import { Exit } from '../output.js'
import { withoutPassword } from '../url.js'
import { type Action, InputError, slashHelp, type WireAction } from './actions.js'
import type { Show } from './show.js'

/** What a session is about. */
export interface TalkPlan {
  readonly url: string
  readonly options: DialOptions
  readonly reconnect: boolean
  /** What to send, one after the other. */
  readonly actions: AsyncIterable<Action | InputError>
  /** After the last of them: milliseconds without a message before we close; undefined leaves that to the peer. */
  readonly wait: number | undefined
  /** So many messages are enough. */
  readonly count: number
  /** A person types: what goes wrong is told, and is no reason to fail. */
  readonly isInteractive: boolean
  readonly show: Show
  /** Resolves when what was printed has room. */
  readonly drained: () => Promise<void>
  /** Nothing is sent any more: lets go of what `actions` come from. */
  readonly release: () => void
  /** Looks at a connection that has just been opened. */
  readonly watch: (conn: Conn) => void
}

/** Closes that somebody wanted, as `read()` sees it. */
const PEACEFUL: readonly number[] = [1000, 1001, 1005]

const isGood = ({ code, clean, initiator }: CloseReport): boolean =>
  clean && (initiator === 'local' || PEACEFUL.includes(code))

/** One session: messages both ways, over one connection or, with `reconnect`, one after the other. */
export class Talk {
  readonly #plan: TalkPlan
  readonly #stopping = new AbortController()
  #conn: Conn | undefined
  #wakeSender: (() => void) | undefined
  #received = 0
  #lastAt = 0
  #code: number = Exit.Ok

  constructor(plan: TalkPlan) {
    this.#plan = plan
  }

  /** Resolves with the exit code when all is said. */
  async run(): Promise<number> {
    const sending = this.#sendAll()
    // What it throws is thrown below; until then it must not end the process.
    sending.catch(() => this.stop())
    try {
      for await (const conn of this.#connections()) await this.#attend(conn)
    } catch (error) {
      this.#fail(error)
    }
    this.stop()
    await sending
    return this.#code
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return
    this.stop()
    const usage = asUsage(error)
    if (usage instanceof UsageError) throw usage
    this.#plan.show.failed(error)
    this.#code = Exit.Failed
  }

  /** Closes politely and opens no other connection. */
  stop(code = 1000, reason = ''): void {
    this.#stopping.abort()
    this.#wakeSender?.()
    this.#plan.release()
    void this.#conn?.close(code, reason)
  }

  async *#connections(): AsyncGenerator<Conn, void, undefined> {
    const { url, options, reconnect, show } = this.#plan
    const { signal } = this.#stopping
    if (!reconnect) return yield dial(url, { ...options, signal })
    yield* dial.retrying(url, {
      ...options,
      signal,
      isFatal(error, byDefault) {
        if (!byDefault) {
          show.failed(error)
          show.note('trying again')
        }
        return byDefault
      },
    })
  }

  async #attend(conn: Conn): Promise<void> {
    const { show, url } = this.#plan
    if (this.#stopping.signal.aborted) void conn.close()
    this.#conn = conn
    this.#lastAt = performance.now()
    show.opened(conn, withoutPassword(url))
    this.#plan.watch(conn)
    this.#wakeSender?.()
    try {
      for await (const message of conn) await this.#receive(conn, message)
    } catch (error) {
      if (!(error instanceof CloseError)) throw error // its report tells more
    }
    const report = await conn.closed
    this.#conn = undefined
    this.#code = isGood(report) ? this.#code : Exit.Failed
    show.closed(report)
  }

  async #receive(conn: Conn, message: Message): Promise<void> {
    const { count, show, drained } = this.#plan
    if (this.#received >= count) return
    this.#lastAt = performance.now()
    show.message(message)
    await drained()
    if (++this.#received >= count && conn === this.#conn) this.stop()
  }

  async #sendAll(): Promise<void> {
    const { actions, isInteractive, show, wait } = this.#plan
    const { signal } = this.#stopping
    for await (const action of actions) {
      if (signal.aborted) return
      try {
        await this.#perform(action)
      } catch (error) {
        if (signal.aborted) return
        if (!isInteractive) this.#code = Exit.Failed
        show.note(error instanceof Error ? error.message : String(error))
      }
    }
    if (isInteractive || wait === 0) this.stop()
    else if (wait !== undefined) await this.#quiet(wait)
  }

  async #perform(action: Action | InputError): Promise<void> {
    if (action instanceof InputError) throw action
    if (action.do === 'help') {
      for (const line of columns(slashHelp())) this.#plan.show.note(line)
      return
    }
    if (action.do === 'close' && this.#conn === undefined) return this.stop()
    const conn = await this.#connected()
    if (conn !== undefined) await this.#performOn(conn, action)
  }

  async #performOn(conn: Conn, action: WireAction): Promise<void> {
    switch (action.do) {
      case 'send':
        return conn.send(action.data)
      case 'ping':
        return void conn.ping(action.payload).then(this.#plan.show.pong, () => undefined)
      case 'pong':
        return conn.pong(action.payload)
      case 'close':
        void conn.close(action.code, action.reason) // throws when the code may not travel
        return this.stop(action.code, action.reason)
      case 'terminate':
        conn.terminate()
        return this.stop()
    }
  }

  /** The connection, as soon as there is one; undefined when there will be none any more. */
  async #connected(): Promise<Conn | undefined> {
    while (this.#conn === undefined && !this.#stopping.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wakeSender = resolve
      })
    return this.#conn
  }

  /** Waits until nothing came for so long, and closes. */
  async #quiet(milliseconds: number): Promise<void> {
    const conn = await this.#connected()
    await conn?.drained().catch(() => undefined)
    const endedAt = performance.now()
    const look = (): void => {
      const left = Math.max(endedAt, this.#lastAt) + milliseconds - performance.now()
      if (left <= 0) return this.stop()
      timer = setTimeout(look, left)
    }
    let timer = setTimeout(look, milliseconds)
    this.#stopping.signal.addEventListener('abort', () => clearTimeout(timer))
  }
}
