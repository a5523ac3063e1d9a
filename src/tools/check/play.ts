/** Plays one case over a link, and judges it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeClosePayload, isUtf8, mayTravel, Opcode, type Role } from '../../frame/index.js'
import type { WireLog } from '../wire-log.js'
import {
  type Actor,
  type CollectedEvent,
  type Expected,
  type FrameSpec,
  type Pieces,
  type Refusal,
  type Source,
  type Step,
  shut,
} from './case.js'
import { bytesInWords, eventInWords } from './describe.js'
import type { Link, PeerEvent } from './link.js'
import type { MessageEncoder } from './messages.js'
import type { Settings } from './settings.js'
import { type Behavior, CaseFailure, type Verdict } from './verdict.js'

export interface PlayContext {
  readonly link: Link
  readonly log: WireLog
  readonly verdict: Verdict
  readonly settings: Settings
  readonly encoder: MessageEncoder
  /** Opens another connection and echoes a message; undefined where only the other side can open any. */
  readonly another: (() => Promise<void>) | undefined
}

/** Codes of an end that is no failure: who answers with one of them has not noticed that anything was wrong. */
const isPeaceful = (code: number): boolean => code === 1000 || code === 1001 || code === 1005

const isSame = (event: PeerEvent, expected: Expected): boolean =>
  event.kind === expected.kind && event.data.equals(expected.data)

type FailsStep = Extract<Step, { do: 'fails' }>
type CloseEvent = Extract<PeerEvent, { kind: 'close' }>

export class Play implements Actor {
  readonly role: Role
  readonly #context: PlayContext
  /** The connection is over, and judged: what else the script has is not played any more. */
  #isOver = false
  #closeCode: number | null = null

  constructor(context: PlayContext) {
    this.#context = context
    this.role = context.link.role
  }

  get closeCode(): number | null {
    return this.#closeCode
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) if (!this.#isOver) await this.#do(step)
  }

  #do(step: Step): Promise<void> {
    switch (step.do) {
      case 'send':
        return this.send(step.frames, step.pieces)
      case 'read':
        return this.#read(step.events, step.refusal)
      case 'quiet':
        return this.#quiet(step.insideFrame)
      case 'failsNow':
        return this.#failsNow(step.codes, step.insideFrame)
      case 'fails':
        return this.#fails(step)
      case 'closed':
        return this.#closed(step.codes, step.ifNot, step.after)
      case 'echo':
        return this.#echo(step.count, step.message, step.ahead)
      case 'act':
        return step.act(this)
    }
  }

  send(frames: readonly FrameSpec[], pieces?: Pieces): Promise<void> {
    return this.#context.link.send(frames, pieces)
  }

  rest(payload: Uint8Array): Promise<void> {
    return this.#context.link.rest(payload)
  }

  async collect(isLast: (event: CollectedEvent) => boolean): Promise<readonly CollectedEvent[]> {
    const events: CollectedEvent[] = []
    for (;;) {
      const event = await this.#next()
      if (event === undefined) this.fail('Something is missing at the end')
      if (event.kind === 'wrong') this.fail(`The peer ${event.what}`)
      const data = 'data' in event ? event.data : Buffer.alloc(0)
      events.push({ kind: event.kind, data })
      if (isLast({ kind: event.kind, data }) || event.kind === 'close' || event.kind === 'end') return events
    }
  }

  over(verdict: Behavior, why: string): void {
    this.#isOver = true
    this.lower(verdict, why)
  }

  get maskKeys(): readonly number[] {
    return this.#context.link.maskKeys
  }

  fin(): void {
    this.#context.link.fin()
  }
  reset(): void {
    this.#context.link.reset()
  }
  pause(): void {
    this.#context.link.pause()
  }
  resume(): void {
    this.#context.link.resume()
  }

  async ended(): Promise<{ how: string; events: readonly string[] }> {
    const events: string[] = []
    for (;;) {
      const event = await this.#next()
      if (event === undefined) return this.fail('The connection is still open')
      if (event.kind === 'close') await this.#answerClose(event)
      if (event.kind === 'end') {
        this.#isOver = true
        return { how: event.how, events }
      }
      if (event.kind === 'wrong') this.fail(`The peer ${event.what}`)
      events.push(eventInWords(event))
    }
  }

  async silence(milliseconds: number): Promise<void> {
    await sleep(milliseconds)
  }

  async another(): Promise<void> {
    await this.#context.another?.()
  }

  lower(to: Behavior, why: string): void {
    this.#context.verdict.lower(to, why)
  }
  remark(text: string): void {
    this.#context.verdict.remark(text)
  }
  fail(why: string): never {
    throw new CaseFailure(why)
  }

  /** The next event but for answers to fences; undefined when time is up. */
  async #next(milliseconds = this.#context.settings.timeout): Promise<PeerEvent | undefined> {
    for (;;) {
      const event = await this.#context.link.next(milliseconds)
      if (event?.kind !== 'fence') return event
    }
  }

  async #read(events: readonly Expected[], refusal: Refusal | undefined): Promise<void> {
    for (const expected of events) {
      const event = await this.#next()
      if (event === undefined) this.fail(`Nothing came, expected was ${eventInWords(expected)}`)
      if (refusal !== undefined && (event.kind === 'close' || event.kind === 'end'))
        return this.#refused(event, refusal, expected)
      this.#compare(event, expected)
    }
  }

  #compare(event: PeerEvent, expected: Expected): void {
    if (!isSame(event, expected))
      this.fail(`Expected was ${eventInWords(expected)}, but the peer ${this.#inWords(event)}`)
  }

  /** A Close or the end, where that is another way to answer. */
  async #refused(event: PeerEvent, { codes, verdict }: Refusal, expected: Expected): Promise<void> {
    this.lower(verdict, `The connection was over before ${eventInWords(expected)} came`)
    if (event.kind === 'close') await this.#failedWith(event, codes)
    else this.#dropped()
  }

  async #quiet(insideFrame: boolean): Promise<void> {
    const { link, settings } = this.#context
    if (!insideFrame) await link.fence()
    const event = await link.next(settings.quiet)
    if (event !== undefined && event.kind !== 'fence')
      this.fail(`Nothing was wrong so far, but the peer ${this.#inWords(event)}`)
  }

  async #failsNow(codes: readonly number[], insideFrame: boolean): Promise<void> {
    const event = await this.#reaction(insideFrame)
    if (event !== undefined) return this.#failed(event, codes)
    this.lower('NON-STRICT', 'The peer did not refuse it at the first wrong byte')
  }

  async #fails({ codes, ifOpen, insideFrame, instead }: FailsStep): Promise<void> {
    const event = await this.#reaction(insideFrame)
    if (event !== undefined && instead !== undefined && isSame(event, instead)) {
      this.lower(ifOpen, 'The peer took it as if it was right')
      return this.play(shut)
    }
    if (event !== undefined) return this.#failed(event, codes)
    const why = 'The peer should fail the connection, but it lives on'
    this.#context.verdict.lowerClose('FAILED')
    if (ifOpen === 'FAILED') this.fail(why)
    this.lower(ifOpen, why)
    this.#isOver = true
  }

  /** What the other side does about something wrong; undefined when it lives on as if nothing was. */
  async #reaction(insideFrame: boolean): Promise<PeerEvent | undefined> {
    const { link, settings } = this.#context
    const first = await this.#next(insideFrame ? settings.reaction : settings.quiet)
    if (first !== undefined || insideFrame) return first
    await link.fence()
    const second = await link.next(settings.timeout)
    return second?.kind === 'fence' ? undefined : second
  }

  /** Holds the end of a connection that had to fail against how it should. */
  async #failed(event: PeerEvent, codes: readonly number[]): Promise<void> {
    if (event.kind === 'close') return this.#failedWith(event, codes)
    if (event.kind === 'end') return this.#dropped()
    this.fail(`The peer should fail the connection, but it ${this.#inWords(event)}`)
  }

  #dropped(): void {
    this.#isOver = true
    this.#context.verdict.lowerClose('UNCLEAN')
    this.lower('NON-STRICT', 'The peer dropped TCP without a Close frame (RFC 6455 §7.1.7)')
  }

  async #failedWith(event: CloseEvent, codes: readonly number[]): Promise<void> {
    const code = this.#codeOf(event)
    if (!codes.includes(code)) {
      this.#context.verdict.lowerClose('WRONG CODE')
      if (isPeaceful(code)) this.fail(`The peer closed with ${code}, as if nothing was wrong`)
      this.lower('NON-STRICT', `The peer closed with ${code}, expected was ${codes.join(' or ')}`)
    }
    await this.#answerClose(event)
    await this.#tcpEnds('NON-STRICT')
  }

  async #closed(codes: readonly number[], ifNot: Behavior, after: 'anything' | undefined): Promise<void> {
    for (;;) {
      const event = await this.#next()
      if (event?.kind === 'close') return this.#closedWith(event, codes, ifNot)
      if (event === undefined || event.kind === 'end') {
        this.#context.verdict.lowerClose(event === undefined ? 'FAILED' : 'UNCLEAN')
        const what = event === undefined ? 'did not answer Close' : `${event.how} without answering Close`
        return this.#unclean(ifNot, `The peer ${what} (RFC 6455 §5.5.1)`)
      }
      if (after !== 'anything' || event.kind === 'wrong')
        this.fail(`Expected was an answer to Close, but the peer ${this.#inWords(event)}`)
      this.remark(`Before the answer to Close, the peer ${this.#inWords(event)}`)
    }
  }

  async #closedWith(event: CloseEvent, codes: readonly number[], ifNot: Behavior): Promise<void> {
    const code = this.#codeOf(event)
    if (!codes.includes(code)) {
      this.#context.verdict.lowerClose('WRONG CODE')
      this.lower('NON-STRICT', `Close was answered with ${code}, expected was ${codes.join(' or ')}`)
    }
    await this.#answerClose(event)
    await this.#tcpEnds(ifNot)
  }

  /** The code of a Close frame, which must be one that may travel, but where our own was of no other kind. */
  #codeOf({ payload }: CloseEvent): number {
    if (payload.length === 1) this.fail('The peer sent a Close frame with a payload of 1 byte (§5.5.1)')
    const code = payload.length === 0 ? 1005 : payload.readUInt16BE(0)
    this.#closeCode = code
    if (payload.length > 0 && !mayTravel(code) && code < 5000)
      this.fail(`The peer sent the close code ${code}, which may not travel (§7.4)`)
    if (!isUtf8(payload, Math.min(2, payload.length)))
      this.fail('The peer sent a close reason that is not UTF-8')
    return code
  }

  async #answerClose({ payload }: CloseEvent): Promise<void> {
    const { link } = this.#context
    if (link.closeSent) return
    const code = payload.length < 2 ? 0 : payload.readUInt16BE(0)
    const answer = mayTravel(code) ? encodeClosePayload(code) : ''
    await link.send([{ opcode: Opcode.Close, payload: answer }])
  }

  /** Both Close frames have travelled: the server ends TCP, then the client does. Nothing else may come (§5.5.1). */
  async #tcpEnds(ifNot: Behavior): Promise<void> {
    if (this.role === 'server') this.fin()
    const event = await this.#next()
    this.#isOver = true
    if (event?.kind === 'end') return
    this.#context.verdict.lowerClose('UNCLEAN')
    if (event === undefined) this.#unclean(ifNot, 'The peer left TCP open after both Close frames (§7.1.1)')
    else this.fail(`After its Close frame, the peer ${this.#inWords(event)}`)
  }

  #unclean(behavior: Behavior, why: string): void {
    this.#isOver = true
    if (behavior === 'FAILED') this.fail(why)
    this.lower(behavior, why)
  }

  /** Sends messages and compares their echoes, some bytes ahead at most. */
  async #echo(most: number, source: Source, ahead: number): Promise<void> {
    const { encoder, link, settings } = this.#context
    let compressed = 0
    let waiting = 0
    let sent = 0
    const count = Math.min(most, settings.messages)
    for (let got = 0; got < count; got++) {
      while (sent < count && (sent === got || waiting < ahead)) {
        await link.write(encoder.encode(source, sent))
        waiting += source.at(sent++).length
      }
      const data = source.at(got)
      const event = await this.#next()
      if (event === undefined) this.fail(`Nothing came, expected was the echo of message ${got + 1}`)
      this.#compare(event, { kind: source.isText ? 'text' : 'binary', data })
      waiting -= data.length
      if ('compressed' in event && event.compressed === true) compressed++
    }
    this.remark(`${count} echoes, ${compressed} of them compressed`)
  }

  #inWords(event: PeerEvent): string {
    switch (event.kind) {
      case 'wrong':
        return event.what
      case 'end':
        return event.how
      case 'close':
        return `sent Close ${bytesInWords(event.payload)}`
      default:
        return `sent ${eventInWords(event)}`
    }
  }
}
