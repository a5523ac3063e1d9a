/** The load on one connection. */
import type { CloseReport, Conn, EventHandler, Message } from '../../index.js'
import { bytesInWords } from '../check/describe.js'
import type { Payloads } from './payload.js'
import type { Plan } from './plan.js'
import type { Tally } from './tally.js'
import { Times } from './times.js'

/** Where nothing is answered: bytes on their way out above which nothing is sent until they have gone. */
const HIGH_WATER = 128 << 10

/** So many numbers tell how long very many messages have waited. */
const SAMPLES = 1000

/** What all connections share. */
export interface Work {
  readonly plan: Plan
  readonly payloads: Payloads
  readonly tally: Tally
  /** Nothing is sent any more when false. */
  readonly isSending: boolean
  /** Allows to send one more message; false when there are enough. */
  take(): boolean
  /** So many messages are settled: answered, or given up. */
  settle(count: number): void
  /** When a message is due, by its place among all: where messages go out at a rate. */
  dueAt(position: number, number: number): number
  /** A connection is gone. */
  gone(): void
}

export class Lane {
  readonly #index: number
  readonly #work: Work
  readonly events: EventHandler
  #conn: Conn | undefined
  /** Its place among those that were opened. */
  #position = 0
  #due = 0
  #sent = 0
  #answered = 0
  readonly #times = new Times()
  #isClosing = false

  constructor(index: number, work: Work) {
    this.#index = index
    this.#work = work
    this.events = {
      message: (_conn, message) => this.#receive(message),
      drain: () => this.fill(),
      close: (_conn, report) => this.#closed(report),
    }
  }

  get isOpen(): boolean {
    return this.#conn !== undefined
  }

  opened(conn: Conn): void {
    this.#conn = conn
  }

  begin(position: number): void {
    this.#position = position
    if (this.#work.plan.rate === 0) this.fill()
  }

  /** One message more should be on its way by now. */
  addDue(): void {
    if (this.#conn === undefined) {
      this.#work.tally.unsent++
      this.#work.settle(1)
      return
    }
    this.#due++
    this.fill()
  }

  /** Sends what may be sent at once. */
  fill(): void {
    while (this.#conn !== undefined && this.#maySend(this.#conn)) this.#send(this.#conn)
  }

  #maySend(conn: Conn): boolean {
    const { plan, isSending } = this.#work
    if (!isSending || (plan.rate > 0 && this.#sent >= this.#due)) return false
    const hasRoom =
      plan.answers === 'none' ? conn.bufferedAmount < HIGH_WATER : this.#sent - this.#answered < plan.inFlight
    return hasRoom && (plan.rate > 0 || this.#work.take())
  }

  #send(conn: Conn): void {
    const { plan, payloads, tally } = this.#work
    if (plan.rate === 0 && plan.answers !== 'none') this.#times.push(performance.now())
    // One that was due in the warm-up is not counted, however late it goes out.
    if (plan.rate === 0 || this.#work.dueAt(this.#position, this.#sent) >= tally.from) tally.sent++
    void conn.send(payloads.make(this.#index, this.#sent++), { text: !plan.isBinary })
    if (plan.answers !== 'none') return
    this.#answered++
    this.#work.settle(1)
  }

  #receive(message: Message): void {
    const { plan, tally } = this.#work
    if (this.#answered >= this.#sent) {
      if (plan.answers === 'echo') tally.error('a message that answers nothing')
      return
    }
    const now = performance.now()
    if (plan.answers === 'echo' && !this.#isEcho(message)) this.#wrong(message)
    const then = this.#thenOf(this.#answered++)
    if (then >= tally.from) tally.answer(then, now)
    this.#work.settle(1)
    this.fill()
  }

  #isEcho(message: Message): boolean {
    const { plan, payloads } = this.#work
    return message.isText !== plan.isBinary && payloads.isEcho(message.data, this.#index, this.#answered)
  }

  #wrong({ isText, data }: Message): void {
    const { plan, payloads, tally } = this.#work
    const sent = payloads.make(this.#index, this.#answered)
    tally.error('an answer that is no echo')
    tally.firstWrong ??=
      `sent was ${plan.isBinary ? 'binary' : 'text'} ${bytesInWords(sent)}, ` +
      `answered ${isText ? 'text' : 'binary'} ${bytesInWords(data)}`
  }

  /** When the message with this number was to go out. */
  #thenOf(number: number): number {
    if (this.#work.plan.rate > 0) return this.#work.dueAt(this.#position, number)
    return this.#times.shift() ?? 0
  }

  /** What is not answered yet, sent or not. */
  #open(): number {
    return Math.max(this.#due, this.#sent) - this.#answered
  }

  /** Nothing is waited for any more. */
  giveUp(now: number): void {
    const { tally } = this.#work
    const open = this.#open()
    tally.unsent += Math.max(0, this.#due - this.#sent)
    tally.unanswered += this.#sent - this.#answered
    const step = Math.max(1, Math.floor(open / SAMPLES))
    for (let i = 0; i < open; i += step) {
      const then = this.#thenOf(this.#answered + i)
      if (then >= tally.from && this.#work.plan.answers !== 'none')
        tally.waited(now - then, Math.min(step, open - i))
      for (let skipped = 1; skipped < step; skipped++) this.#times.shift()
    }
    this.#answered += open
  }

  async close(): Promise<void> {
    const conn = this.#conn
    if (conn === undefined) return
    this.#isClosing = true
    void conn.close(1000)
    const { clean } = await conn.closed
    if (!clean) this.#work.tally.error('a closing handshake that was not finished')
  }

  #closed({ code, initiator }: CloseReport): void {
    if (this.#conn === undefined || this.#isClosing) return
    const { tally } = this.#work
    this.#conn = undefined
    tally.error(
      `a connection that was lost: ${initiator === 'remote' ? 'closed by the peer' : 'failed'}, ${code}`,
    )
    tally.unsent += Math.max(0, this.#due - this.#sent)
    tally.unanswered += this.#sent - this.#answered
    this.#work.settle(this.#open())
    this.#due = this.#sent = this.#answered = Math.max(this.#due, this.#sent) // they count as settled, once
    this.#work.gone()
  }
}
