/** The end of a connection: how it was closed, and what that is worth. */
import { encodeClosePayload, isUtf8, mayTravel, Opcode } from '../../frame/index.js'
import { peerInWords } from './describe.js'
import type { Link, PeerEvent } from './link.js'
import type { Settings } from './settings.js'
import { type Behavior, CaseFailure, type Verdict } from './verdict.js'

export interface EndingContext {
  readonly link: Link
  readonly verdict: Verdict
  readonly settings: Settings
}

/** What stands for the code of a Close frame without any (RFC 6455 §7.1.5). */
const NONE = 1005

/** Codes of an end that is no failure: who answers with one of them has not noticed that anything was wrong. */
const isPeaceful = (code: number): boolean => code === 1000 || code === 1001 || code === NONE

const codeInWords = (code: number): string => (code === NONE ? 'no code' : String(code))

type CloseEvent = Extract<PeerEvent, { kind: 'close' }>

const fail = (why: string): never => {
  throw new CaseFailure(why)
}

export class Ending {
  /** The connection is over, and judged: what else the script has is not played any more. */
  isOver = false
  readonly #context: EndingContext

  constructor(context: EndingContext) {
    this.#context = context
  }

  /** Holds the end of a connection that had to fail against how it should. */
  async failed(event: PeerEvent, codes: readonly number[]): Promise<void> {
    if (event.kind === 'close') return this.failedWith(event, codes)
    if (event.kind === 'end') return this.dropped()
    fail(`The peer should fail the connection, but it ${peerInWords(event)}`)
  }

  dropped(): void {
    this.isOver = true
    this.#context.verdict.lowerClose('UNCLEAN')
    this.#context.verdict.lower('NON-STRICT', 'The peer dropped TCP without a Close frame (RFC 6455 §7.1.7)')
  }

  async failedWith(event: CloseEvent, codes: readonly number[]): Promise<void> {
    const code = this.#codeOf(event)
    if (!codes.includes(code)) {
      this.#context.verdict.lowerClose('WRONG CODE')
      // Without a code, it fails the connection and does not say why (§7.1.7), or it answers our own Close.
      if (isPeaceful(code) && (code !== NONE || this.#context.link.closeSent))
        fail(`The peer closed with ${codeInWords(code)}, as if nothing was wrong`)
      this.#context.verdict.lower(
        'NON-STRICT',
        `The peer closed with ${codeInWords(code)}, expected was ${codes.join(' or ')}`,
      )
    }
    await this.answerClose(event)
    await this.#tcpEnds('NON-STRICT')
  }

  async closed(codes: readonly number[], ifNot: Behavior, after: 'anything' | undefined): Promise<void> {
    for (;;) {
      const event = await this.#context.link.next(this.#context.settings.timeout)
      if (event?.kind === 'close') return this.#closedWith(event, codes, ifNot)
      if (event?.kind === 'fence') continue
      if (event === undefined || event.kind === 'end') {
        this.#context.verdict.lowerClose(event === undefined ? 'FAILED' : 'UNCLEAN')
        const what = event === undefined ? 'did not answer Close' : `${event.how} without answering Close`
        return this.#unclean(ifNot, `The peer ${what} (RFC 6455 §5.5.1)`)
      }
      if (after !== 'anything' || event.kind === 'wrong')
        fail(`Expected was an answer to Close, but the peer ${peerInWords(event)}`)
      this.#context.verdict.remark(`Before the answer to Close, the peer ${peerInWords(event)}`)
    }
  }

  async #closedWith(event: CloseEvent, codes: readonly number[], ifNot: Behavior): Promise<void> {
    const code = this.#codeOf(event)
    // Who answers typically echoes the code (§5.5.1), and need not.
    if (code !== NONE && !codes.includes(code)) {
      this.#context.verdict.lowerClose('WRONG CODE')
      this.#context.verdict.lower(
        'NON-STRICT',
        `Close was answered with ${code}, expected was ${codes.join(' or ')}`,
      )
    }
    await this.answerClose(event)
    await this.#tcpEnds(ifNot)
  }

  /** The code of a Close frame, which must be one that may travel, but where our own was of no other kind. */
  #codeOf({ payload }: CloseEvent): number {
    if (payload.length === 1) fail('The peer sent a Close frame with a payload of 1 byte (§5.5.1)')
    const code = payload.length === 0 ? NONE : payload.readUInt16BE(0)
    if (payload.length > 0 && !mayTravel(code) && code < 5000)
      fail(`The peer sent the close code ${code}, which may not travel (§7.4)`)
    if (!isUtf8(payload, Math.min(2, payload.length))) fail('The peer sent a close reason that is not UTF-8')
    return code
  }

  async answerClose({ payload }: CloseEvent): Promise<void> {
    const { link } = this.#context
    if (link.closeSent) return
    const code = payload.length < 2 ? 0 : payload.readUInt16BE(0)
    const answer = mayTravel(code) ? encodeClosePayload(code) : ''
    await link.send([{ opcode: Opcode.Close, payload: answer }])
  }

  /** Both Close frames have travelled: the server ends TCP, then the client does. Nothing else may come (§5.5.1). */
  async #tcpEnds(ifNot: Behavior): Promise<void> {
    if (this.#context.link.role === 'server') this.#context.link.fin()
    const event = await this.#context.link.next(this.#context.settings.timeout)
    this.isOver = true
    if (event?.kind === 'end') return
    this.#context.verdict.lowerClose('UNCLEAN')
    if (event === undefined) this.#unclean(ifNot, 'The peer left TCP open after both Close frames (§7.1.1)')
    else fail(`After its Close frame, the peer ${peerInWords(event)}`)
  }

  #unclean(behavior: Behavior, why: string): void {
    this.isOver = true
    if (behavior === 'FAILED') fail(why)
    this.#context.verdict.lower(behavior, why)
  }
}
