import { randomBytes } from 'node:crypto'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { encodeClosePayload, encodeFrame, Frame, Opcode } from '../../frame/index.js'
import type { DialOptions } from '../../index.js'
import { Exit } from '../output.js'
import { type Agreed, agreementOf } from '../recording/agreement.js'
import { Direction, type DirectionFrame } from '../recording/direction.js'
import { withoutPassword } from '../url.js'
import { dialWire, type Wire, type WireWatcher } from '../wire.js'
import { meet } from './meet.js'
import { Peer } from './peer.js'
import type { Script, Statement } from './script.js'
import { SentState } from './sent.js'
import type { Show } from './show.js'

export interface PlayPlan {
  readonly url: string
  readonly options: DialOptions
  readonly script: Script
  readonly show: Show
  /** Whether pings and Close are answered by themselves. */
  readonly answers: boolean
  /** Whether an open connection is closed politely behind the script. */
  readonly closes: boolean
  /** Milliseconds that what is expected may take. */
  readonly patience: number
  /** Milliseconds without anything behind the script, before it is over. */
  readonly wait: number
  /** Nobody wants to see the rest. */
  readonly signal: AbortSignal
}

/** Milliseconds that a peer has for its part of the closing. */
const CLOSE_TIMEOUT = 2_000

/** Payloads beyond are not kept. */
const LONGEST = 256 << 20

/** One run of a script on a connection of its own; resolves with the exit code. */
export async function play(plan: PlayPlan): Promise<number> {
  try {
    return await playConnected(plan)
  } catch (error) {
    if (plan.signal.aborted) return Exit.Interrupted // before there was a connection
    throw error
  }
}

async function playConnected(plan: PlayPlan): Promise<number> {
  const player = new Player(plan)
  const options = { ...plan.options, signal: plan.signal }
  const { conn, wire } = await dialWire(plan.url, options, player.watcher)
  const stop = (): void => void wire.destroy()
  plan.signal.addEventListener('abort', stop)
  try {
    plan.show.opened(withoutPassword(plan.url), conn.protocol, conn.extensions)
    return await player.run(wire)
  } finally {
    plan.signal.removeEventListener('abort', stop)
    wire.destroy()
  }
}

/** An expectation that did not hold ends the script. */
class Unmet extends Error {}

class Player {
  readonly #plan: PlayPlan
  readonly #peer = new Peer()
  #began = performance.now()
  #agreed: Agreed | undefined
  #received: Direction | undefined
  /** What came right behind the handshake. */
  #early: Buffer[] = []
  /** What comes cannot be read any more. */
  #isLost = false
  #wire: Wire | undefined
  #closeSent = false
  /** By us, in our direction at least. */
  #tcpEnded = false
  readonly #sent = new SentState()
  #pieces: number | undefined
  /** What is written together, while that lasts. */
  #batch: Buffer[] | undefined
  #held = 0
  #failed = 0
  /** Something was sent whose answer nobody has waited for. */
  #isCurious = false

  constructor(plan: PlayPlan) {
    this.#plan = plan
  }

  /** What the wire tells. */
  readonly watcher: WireWatcher = {
    opened: (answer) => {
      this.#began = performance.now()
      this.#agreed = agreementOf(undefined, answer)
      this.#received = new Direction({
        direction: 'received',
        deflate: this.#agreed.deflate?.theirs,
        isAgreed: true,
        isExtended: this.#agreed.isExtended,
        maxFrame: LONGEST,
        offset: 0,
      })
    },
    bytes: (direction, bytes) => {
      // What is sent may lie about its length: it is shown as it was meant, by those who send it.
      if (direction === 'received') this.#receiveBytes(bytes)
    },
    ended: (how) => {
      if (this.#wire !== undefined) this.#plan.show.ended(how, this.#now())
      this.#peer.end(how)
    },
  }

  async run(wire: Wire): Promise<number> {
    this.#wire = wire
    for (const bytes of this.#early.splice(0)) this.#receiveBytes(bytes)
    if (!expectsAnything(this.#plan.script)) this.#peer.forget()
    try {
      await this.#play(this.#plan.script)
      this.#peer.forget()
      if (this.#isCurious) await this.#quiet()
    } catch (error) {
      if (!(error instanceof Unmet)) throw error
    }
    this.#peer.forget()
    if (this.#plan.closes) await this.#close()
    this.#wire = undefined // what we do to TCP now is not worth telling
    this.#plan.show.result(this.#held, this.#failed)
    if (this.#plan.signal.aborted) return Exit.Interrupted
    return this.#failed === 0 ? Exit.Ok : Exit.Failed
  }

  #now(): number {
    return performance.now() - this.#began
  }

  #receiveBytes(bytes: Buffer): void {
    const direction = this.#received
    if (direction === undefined || this.#isLost) return
    if (this.#wire === undefined) {
      this.#early.push(bytes) // there is nothing yet to answer on
      return
    }
    for (const frame of direction.push(bytes)) this.#receive(frame)
    if (direction.stop === undefined) return
    this.#isLost = true
    this.#plan.show.note(`what came cannot be cut into frames: ${direction.stop.reason}`)
  }

  #receive(seen: DirectionFrame): void {
    this.#plan.show.frame({ ...seen, at: this.#now() }, seen.faults)
    this.#peer.frame(seen)
    if (!this.#plan.answers || this.#closeSent || this.#tcpEnded) return
    const { frame } = seen
    if (frame.isPing) this.#answer(new Frame({ opcode: Opcode.Pong, payload: frame.copyPayload() }))
    if (!frame.isClose) return
    this.#answer(new Frame({ opcode: Opcode.Close, payload: frame.copyPayload().subarray(0, 2) }))
  }

  #answer(frame: Frame): void {
    frame.masked = true
    frame.maskKey = newKey()
    void this.#sendFrame(frame, 'at once')
  }

  async #play(script: readonly Statement[]): Promise<void> {
    for (const statement of script) {
      if (this.#plan.signal.aborted) return
      await this.#perform(statement)
    }
  }

  async #perform(statement: Statement): Promise<void> {
    switch (statement.do) {
      case 'frame':
        this.#checkWritable()
        if (statement.takesKey) statement.frame.maskKey = newKey()
        return this.#sendFrame(statement.frame)
      case 'raw':
        this.#checkWritable()
        this.#plan.show.raw(statement.bytes, this.#now())
        return this.#write(statement.bytes)
      case 'wait':
        return pause(statement.milliseconds, undefined, { signal: this.#plan.signal }).catch(() => undefined)
      case 'expect':
        return this.#expect(statement)
      case 'repeat':
        return this.#repeat(statement.count, statement.body)
      case 'together':
        return this.#together(statement.body)
      case 'pieces':
        this.#pieces = statement.size
        return
      case 'fin':
        return this.#endTcp('we end our direction of TCP', (wire) => wire.fin())
      case 'reset':
        return this.#endTcp('we reset TCP', (wire) => wire.reset())
    }
  }

  #endTcp(note: string, end: (wire: Wire) => void): void {
    this.#plan.show.note(note)
    this.#tcpEnded = true
    if (this.#wire !== undefined) end(this.#wire)
  }

  /** A script cannot go on where nothing can be written any more. */
  #checkWritable(): void {
    if (!this.#tcpEnded && this.#wire?.isWritable === true) return
    this.#plan.show.note('nothing can be sent any more: TCP has ended')
    this.#failed++
    throw new Unmet()
  }

  async #sendFrame(frame: Frame, when: 'in order' | 'at once' = 'in order'): Promise<void> {
    const faults = this.#sent.add(frame, this.#agreed)
    if (frame.isClose) this.#closeSent = true
    const isText = frame.isContinuation ? this.#sent.isText : undefined
    this.#plan.show.frame({ frame, direction: 'sent', at: this.#now(), isText }, faults)
    const bytes = encodeFrame(frame)
    if (when === 'at once') await this.#wire?.inject(bytes)
    else await this.#write(bytes)
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#isCurious = true
    if (this.#batch !== undefined) {
      this.#batch.push(bytes)
      return
    }
    const size = this.#pieces ?? bytes.length
    for (let at = 0; at < bytes.length; at += size) {
      await this.#wire?.inject(bytes.subarray(at, at + size))
      if (size < bytes.length) await turn()
    }
  }

  async #repeat(count: number, body: readonly Statement[]): Promise<void> {
    for (let i = 0; i < count && !this.#peer.isOver && !this.#plan.signal.aborted; i++) {
      await this.#play(body)
      // A body that waits for nothing would leave nobody else a turn, Ctrl+C included.
      if (i % 256 === 255) await turn()
    }
  }

  async #together(body: readonly Statement[]): Promise<void> {
    if (this.#batch !== undefined) return this.#play(body)
    this.#batch = []
    await this.#play(body)
    const bytes = Buffer.concat(this.#batch)
    this.#batch = undefined
    await this.#write(bytes)
  }

  async #expect({ expected, within, text, position }: Statement & { readonly do: 'expect' }): Promise<void> {
    const met = await meet(this.#peer, expected, within ?? this.#plan.patience)
    if (this.#plan.signal.aborted) throw new Unmet()
    this.#isCurious = false
    this.#plan.show.expected(text, position.line, met, this.#now())
    if (met.ok) {
      this.#held++
      return
    }
    this.#failed++
    throw new Unmet()
  }

  /** Waits for answers that no `expect` has waited for. */
  async #quiet(): Promise<void> {
    const { wait, signal } = this.#plan
    for (let left = wait; left > 0 && !this.#isDone() && !signal.aborted; ) {
      await this.#peer.news(left)
      left = this.#peer.lastAt + wait - performance.now()
    }
  }

  #isDone(): boolean {
    return this.#peer.isOver || (this.#closeSent && this.#peer.closeReceived)
  }

  /** Ends what the script has left open. */
  async #close(): Promise<void> {
    if (!this.#closeSent && !this.#tcpEnded && this.#wire?.isWritable === true)
      this.#answer(new Frame({ opcode: Opcode.Close, payload: encodeClosePayload(1000) }))
    const deadline = performance.now() + CLOSE_TIMEOUT
    while (!this.#isDone() && performance.now() < deadline && !this.#plan.signal.aborted)
      await this.#peer.news(deadline - performance.now())
  }
}

/** Whether a script asks what came. */
const expectsAnything = (script: Script): boolean =>
  script.some((one) => one.do === 'expect' || ('body' in one && expectsAnything(one.body)))

const newKey = (): number => randomBytes(4).readUInt32BE()
