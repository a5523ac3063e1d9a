/** Plays one case over a link, and judges it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../../frame/index.js'
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
import { eventInWords, peerInWords } from './describe.js'
import { Ending, type EndingContext } from './ending.js'
import type { PeerEvent } from './link.js'
import type { MessageEncoder } from './messages.js'
import { type Behavior, CaseFailure } from './verdict.js'

export interface PlayContext extends EndingContext {
  readonly encoder: MessageEncoder
  /** Opens another connection and echoes a message; undefined where only the other side can open any. */
  readonly another: (() => Promise<void>) | undefined
}

const isSame = (event: PeerEvent, expected: Expected): boolean =>
  event.kind === expected.kind && event.data.equals(expected.data)

type FailsStep = Extract<Step, { do: 'fails' }>

export class Play implements Actor {
  readonly role: Role
  readonly #context: PlayContext
  readonly #ending: Ending

  constructor(context: PlayContext) {
    this.#context = context
    this.#ending = new Ending(context)
    this.role = context.link.role
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) if (!this.#ending.isOver) await this.#do(step)
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
        return this.#ending.closed(step.codes, step.ifNot, step.after)
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
    this.#ending.isOver = true
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
      if (event.kind === 'close') await this.#ending.answerClose(event)
      if (event.kind === 'end') {
        this.#ending.isOver = true
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
      this.fail(`Expected was ${eventInWords(expected)}, but the peer ${peerInWords(event)}`)
  }

  /** A Close or the end, where that is another way to answer. */
  async #refused(event: PeerEvent, { codes, verdict }: Refusal, expected: Expected): Promise<void> {
    this.lower(verdict, `The connection was over before ${eventInWords(expected)} came`)
    if (event.kind === 'close') await this.#ending.failedWith(event, codes)
    else this.#ending.dropped()
  }

  async #quiet(insideFrame: boolean): Promise<void> {
    const { link, settings } = this.#context
    if (!insideFrame) await link.fence()
    const event = await link.next(settings.quiet)
    if (event !== undefined && event.kind !== 'fence')
      this.fail(`Nothing was wrong so far, but the peer ${peerInWords(event)}`)
  }

  async #failsNow(codes: readonly number[], insideFrame: boolean): Promise<void> {
    const event = await this.#reaction(insideFrame)
    if (event !== undefined) return this.#ending.failed(event, codes)
    this.lower('NON-STRICT', 'The peer did not refuse it at the first wrong byte')
  }

  async #fails({ codes, ifOpen, insideFrame, instead }: FailsStep): Promise<void> {
    const event = await this.#reaction(insideFrame)
    if (event !== undefined && instead !== undefined && isSame(event, instead)) {
      this.lower(ifOpen, 'The peer took it as if it was right')
      return this.play(shut)
    }
    if (event !== undefined) return this.#ending.failed(event, codes)
    const why = 'The peer should fail the connection, but it lives on'
    this.#context.verdict.lowerClose('FAILED')
    if (ifOpen === 'FAILED') this.fail(why)
    this.lower(ifOpen, why)
    this.#ending.isOver = true
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
}
