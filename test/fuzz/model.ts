import assert from 'node:assert/strict'
import type { Conn } from '../../src/conn/conn.js'
import { startConn } from '../../src/conn/conn.js'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import type { MessageWriter } from '../../src/conn/writer.js'
import type { Role } from '../../src/frame/rules.js'
import {
  FakeClock,
  type Random,
  type ReadFrame,
  readWireFrame,
  type WireFrame,
  wireFrame,
} from '../support/index.js'
import { utf8State } from './conn-reference.js'
import { ModelLine } from './model-line.js'

/** A message that the application has begun to send: what is known of it, and whether that is all. */
export interface Outgoing {
  /** It is sent part by part: a Close of the peer's cuts it off. */
  readonly isStreamed: boolean
  text: string
  isWhole: boolean
}

/** A read that the application has asked for, in call order. */
export interface Asked {
  readonly controller: AbortController
  state: 'waits' | 'served' | 'cancelled' | 'ended' | 'failed'
  text?: string
}

/** What has to be true by the RFC and by what `Conn` promises; nothing of it is looked up in the product. */
export class Model {
  /** Messages in the order of the calls that made them. */
  readonly sent: Outgoing[] = []
  /** Whole messages of the peer's, in order. */
  readonly arrived: string[] = []
  readonly pings: string[] = []
  readonly ownPings: string[] = []
  readonly asked: Asked[] = []
  /** Close codes that may be reported, each with who began. */
  readonly endings = new Set<string>()
  writer: { readonly handle: MessageWriter; readonly entry: Outgoing } | undefined
  /** The application has asked for the end. */
  hasClosed = false
  /** The peer sends no more. */
  peerIsDone = false
  /** It has sent Close. */
  peerClosed = false
  /** Something else than the closing handshake may have ended it. */
  isRough = false

  /**
   * What the application was given, in call order: who reads part by part has all parts a few promise jobs after the last one
   * was given to him, when the read behind may have been answered already.
   */
  get received(): string[] {
    return this.asked.flatMap(({ state, text }) => (state === 'served' ? [text!] : []))
  }

  get isOpen(): boolean {
    return !this.hasClosed && !this.peerIsDone
  }
}

export const settle = async (turns = 3): Promise<void> => {
  for (let left = turns; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
}

/** Reads frames off the wire as they come, and holds them against the rules of RFC 6455 §5. */
class Wire {
  readonly #role: Role
  #bytes: Buffer = Buffer.alloc(0)
  #open: { isText: boolean; parts: Buffer[] } | undefined
  readonly messages: string[] = []
  readonly pongs: string[] = []
  readonly pings: string[] = []
  close: Buffer | undefined

  constructor(role: Role) {
    this.#role = role
  }

  /** The message that has begun and has not ended. */
  get begun(): string | undefined {
    return this.#open && Buffer.concat(this.#open.parts).toString('latin1')
  }

  async append(bytes: Buffer): Promise<void> {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    let at = 0
    const read = async (count: number): Promise<Buffer> => {
      if (at + count > this.#bytes.length) throw new RangeError('not all of it is here')
      at += count
      return this.#bytes.subarray(at - count, at)
    }
    while (this.#bytes.length > 0) {
      at = 0
      const frame = await readWireFrame(read).catch(() => undefined)
      if (frame === undefined) return
      this.#bytes = this.#bytes.subarray(at)
      this.#take(frame)
    }
  }

  #take({ fin, rsv, opcode, masked, payload }: ReadFrame): void {
    assert.equal(this.close, undefined, 'nothing goes out behind Close (§5.5.1)')
    assert.deepEqual([rsv, masked], [0, this.#role === 'client'], 'reserved bits (§5.2) and masks (§5.1)')
    assert.ok([0, 1, 2, 8, 9, 10].includes(opcode), 'opcodes (§5.2)')
    if (opcode < 8) return this.#takeData(fin, opcode, payload)
    assert.ok(fin && payload.length <= 125, 'control frames are short, and whole (§5.5)')
    if (opcode === 8) this.close = payload
    else (opcode === 9 ? this.pings : this.pongs).push(payload.toString('latin1'))
  }

  #takeData(fin: boolean, opcode: number, payload: Buffer): void {
    assert.equal(opcode === 0, this.#open !== undefined, 'fragments stand together (§5.4)')
    this.#open ??= { isText: opcode === 1, parts: [] }
    this.#open.parts.push(payload)
    if (!fin) return
    const whole = Buffer.concat(this.#open.parts)
    if (this.#open.isText) assert.equal(utf8State(whole), 'whole', 'text is UTF-8 (§5.6)')
    this.messages.push(whole.toString('latin1'))
    this.#open = undefined
  }
}

/** The connection under test, the line below it, and what the peer has seen of it. */
export class World {
  readonly role: Role
  readonly line = new ModelLine()
  readonly clock = new FakeClock()
  readonly conn: Conn
  readonly wire: Wire
  /** Calls that must all be settled in the end. */
  readonly calls: Promise<unknown>[] = []

  constructor(role: Role, options: ConnOptions) {
    this.role = role
    this.wire = new Wire(role)
    const resolved = resolveConnOptions({ keepalive: false, clock: this.clock, ...options })
    const extensions = startLocalExtensions(resolved.extensions, role)
    this.conn = startConn<unknown>(this.line, { role, options: resolved, extensions })
  }

  /** Frames of the peer's, as its side has to send them. */
  encode(frames: readonly WireFrame[]): Buffer {
    const masked = (frame: WireFrame): WireFrame => ({ mask: 0x0a0b0c0d, ...frame })
    return Buffer.concat(frames.map((frame) => wireFrame(this.role === 'server' ? masked(frame) : frame)))
  }

  bring(frames: readonly WireFrame[], random: Random): void {
    const bytes = this.encode(frames)
    this.line.arrive(random.chance() ? random.split(bytes) : [bytes])
  }

  /** Holds everything that can be seen against the model. */
  async check(model: Model): Promise<void> {
    await settle()
    await this.wire.append(this.line.take())
    this.#checkSent(model)
    // The answer to a ping may stand for those before it (§5.5.3).
    const answers = this.wire.pongs.filter((payload) => payload !== 'own')
    isSelection(answers, model.pings, 'pings are answered in order, each once at most')
    isSelection(this.wire.pings, model.ownPings, 'pings go out in call order')
    isPrefix(model.received, model.arrived, 'messages are read in order, each once')
    this.#checkReads(model)
    assert.ok(this.conn.bufferedAmount >= 0)
    if (model.hasClosed) assert.equal(this.conn.isOpen, false)
    this.#checkReport(model)
  }

  #checkSent({ sent, peerClosed }: Model): void {
    const { messages, begun } = this.wire
    const fits = (next: number, at: number): boolean => {
      const entry = sent[at]
      if (next === messages.length && begun === undefined) return true
      if (entry === undefined) return false
      if (peerClosed && entry.isStreamed && fits(next, at + 1)) return true // it was cut off
      if (next === messages.length) return entry.text.startsWith(begun!)
      return entry.isWhole && entry.text === messages[next] && fits(next + 1, at + 1)
    }
    assert.ok(fits(0, 0), 'messages go out whole, in call order, each once')
  }

  /** Of the reads that were not cancelled, none is served before one that was asked for earlier. */
  #checkReads({ asked }: Model): void {
    const left = asked.filter(({ state }) => state !== 'cancelled')
    const waiting = left.findIndex(({ state }) => state === 'waits')
    if (waiting >= 0) assert.ok(left.slice(waiting).every(({ state }) => state === 'waits'))
  }

  #checkReport({ endings }: Model): void {
    const report = this.conn.closeInfo
    if (report === undefined) return
    const found = `${report.code} ${report.initiator}`
    assert.ok(endings.has(found), `${found} is none of ${[...endings].join(', ')}`)
  }

  /** Nothing is left of it: no deadline, no timer, no bytes on their way. */
  checkGone(): void {
    assert.ok(this.line.destroyed)
    assert.equal(this.conn.bufferedAmount, 0)
    assert.equal(timekeeperOf(this.clock).size, 0)
    assert.equal(this.clock.pending, 0)
  }
}

/** Some of the whole, in order. */
function isSelection(part: readonly string[], whole: readonly string[], what: string): void {
  let at = -1
  for (const one of part) {
    at = whole.indexOf(one, at + 1)
    assert.ok(at >= 0, `${what}: ${part} of ${whole}`)
  }
}

function isPrefix(part: readonly string[], whole: readonly string[], what: string): void {
  assert.deepEqual(part, whole.slice(0, part.length), what)
}
