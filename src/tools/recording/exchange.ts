import type { FrameDirection } from '../annotate.js'
import { type Head, parseHead, statusOf } from '../check/http-head.js'
import { type Agreed, agreementOf, asksForWebSocket } from './agreement.js'
import { Direction } from './direction.js'
import type { WireEvent } from './events.js'

export interface ExchangeOptions {
  readonly conn: number
  /** Payloads and messages beyond this many bytes are not kept. */
  readonly maxFrame: number
  /** So many bytes of a client are kept that come before the answer to its handshake; default 64 KiB. */
  readonly maxEarly?: number
  /** Milliseconds since the beginning; left out where no time is known. */
  readonly now?: () => number
  readonly onEvent: (event: WireEvent) => void
}

/** Nobody needs a longer head. */
const LONGEST_HEAD = 64 << 10

/** How far one direction has got. */
type Stage =
  /** A head that is not whole yet; `offset` is where it begins. */
  | { readonly phase: 'head'; readonly bytes: Buffer; readonly offset: number }
  /** The client waits for the answer; it should not send anything before. */
  | { readonly phase: 'waiting'; readonly parts: Buffer[]; size: number; readonly offset: number }
  | { readonly phase: 'frames'; readonly frames: Direction }
  /** Nothing is looked at any more. */
  | { readonly phase: 'blind' }

type Waiting = Stage & { readonly phase: 'waiting' }

const HEAD: Stage = { phase: 'head', bytes: Buffer.alloc(0), offset: 0 }
const BLIND: Stage = { phase: 'blind' }

/**
 * Follows both directions of one connection: the handshake, what it agrees on, then the frames. What is no WebSocket is
 * passed over. It only looks: the bytes it is given stay as they are.
 */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #stages: Record<FrameDirection, Stage> = { sent: HEAD, received: HEAD }
  readonly #count: Record<FrameDirection, number> = { sent: 0, received: 0 }
  #request: Head | undefined
  #isOver = false

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Takes bytes of one side. */
  push(direction: FrameDirection, chunk: Buffer): void {
    this.#count[direction] += chunk.length
    this.#take(direction, chunk)
  }

  /** Frames from here on: no handshake will be seen, or will be answered. */
  begin(agreed: Agreed, isAgreed: boolean): void {
    for (const direction of ['sent', 'received'] as const) {
      const stage = this.#stages[direction]
      if (stage.phase !== 'head' && stage.phase !== 'waiting') continue
      const { deflate, isExtended } = agreed
      const setup = {
        direction,
        isAgreed,
        isExtended,
        maxFrame: this.#options.maxFrame,
        offset: stage.offset,
      }
      const way = direction === 'sent' ? deflate?.ours : deflate?.theirs
      this.#stages[direction] = { phase: 'frames', frames: new Direction({ ...setup, deflate: way }) }
      const parts = stage.phase === 'head' ? [stage.bytes] : stage.parts
      for (const part of parts) if (part.length > 0) this.#take(direction, part)
    }
  }

  /** No answer will come: a request is taken for what it offers, unless it is told otherwise. */
  presume(agreed?: Agreed): void {
    if (this.#stages.sent.phase !== 'waiting') return
    this.#tell({ type: 'handshake', request: this.#request, response: undefined, faults: [] })
    this.begin(agreed ?? agreementOf(this.#request, undefined), true)
  }

  /** No more bytes will come. */
  finish(agreed?: Agreed): void {
    this.presume(agreed)
    for (const direction of ['sent', 'received'] as const) this.#tellRest(direction)
  }

  /** A side has ended the connection: `how` is 'end', or the code of an error. Only the first one counts. */
  end(direction: FrameDirection | undefined, how: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const { sent, received } = this.#count
    for (const side of ['sent', 'received'] as const) this.#tellRest(side)
    this.#tell({ type: 'end', direction, how, sent, received })
  }

  #take(direction: FrameDirection, chunk: Buffer): void {
    const stage = this.#stages[direction]
    switch (stage.phase) {
      case 'head':
        return this.#readHead(direction, Buffer.concat([stage.bytes, chunk]), stage.offset)
      case 'waiting':
        return this.#wait(stage, chunk)
      case 'frames':
        return this.#readFrames(direction, stage.frames, chunk)
      case 'blind':
        return
    }
  }

  #tell(event: DistributiveOmit<WireEvent, 'conn' | 'at'>): void {
    const { conn, now, onEvent } = this.#options
    onEvent({ ...event, conn, at: now?.() })
  }

  #readHead(direction: FrameDirection, bytes: Buffer, offset: number): void {
    let rest: Rest = { bytes, offset }
    for (let parsed = parseHead(bytes); parsed !== undefined; parsed = parseHead(rest.bytes)) {
      rest = { bytes: rest.bytes.subarray(parsed.end), offset: rest.offset + parsed.end }
      if (direction === 'sent') return this.#onRequest(parsed.head, rest)
      if (!isInterim(parsed.head)) return this.#onResponse(parsed.head, rest)
    }
    this.#stages[direction] = { phase: 'head', ...rest }
    if (rest.bytes.length > LONGEST_HEAD) this.#giveUp(direction, rest.offset, 'This is no head of HTTP')
  }

  #onRequest(request: Head, { bytes, offset }: Rest): void {
    if (!asksForWebSocket(request)) {
      return this.#giveUp('sent', 0, `'${request.line}' asks for no WebSocket`)
    }
    this.#request = request
    const waiting: Waiting = { phase: 'waiting', parts: [], size: 0, offset }
    this.#stages.sent = waiting
    if (bytes.length > 0) this.#wait(waiting, bytes)
  }

  /** Frames before the answer are too early (RFC 6455 §4.1): more than a few are not kept. */
  #wait(waiting: Waiting, bytes: Buffer): void {
    waiting.parts.push(Buffer.from(bytes)) // the chunk may be used again before the answer comes
    waiting.size += bytes.length
    if (waiting.size > (this.#options.maxEarly ?? LONGEST_HEAD))
      this.#giveUp('sent', waiting.offset, 'The client goes on before its handshake was answered')
  }

  #onResponse(response: Head, { bytes, offset }: Rest): void {
    this.#stages.received = { phase: 'head', bytes: Buffer.alloc(0), offset }
    const agreed = agreementOf(this.#request, response)
    this.#tell({ type: 'handshake', request: this.#request, response, faults: agreed.faults })
    if (statusOf(response) !== 101) {
      this.#stages.sent = this.#stages.received = BLIND
      return
    }
    this.begin(agreed, true)
    if (bytes.length > 0) this.#take('received', bytes)
  }

  #readFrames(direction: FrameDirection, frames: Direction, chunk: Buffer): void {
    for (const frame of frames.push(chunk)) this.#tell(frame)
    const { stop } = frames
    if (stop === undefined) return
    this.#stages[direction] = BLIND
    this.#tell({ type: 'stop', direction, ...stop })
  }

  /** What is left at the end that is no whole frame, or no whole head. */
  #tellRest(direction: FrameDirection): void {
    const stage = this.#stages[direction]
    if (stage.phase === 'head' && stage.bytes.length > 0)
      this.#giveUp(
        direction,
        stage.offset,
        `The head of HTTP is not whole: ${stage.bytes.length} bytes are there`,
      )
    const pending = stage.phase === 'frames' ? stage.frames.pending : undefined
    if (pending === undefined) return
    const { offset, has, missing } = pending
    const reason = `A frame is not whole: ${has} bytes of it are there, ${missing} are missing at least`
    this.#stages[direction] = BLIND
    this.#tell({ type: 'stop', direction, offset, reason })
  }

  #giveUp(direction: FrameDirection, offset: number, reason: string): void {
    this.#stages.sent = this.#stages.received = BLIND
    this.#tell({ type: 'stop', direction, offset, reason })
  }
}

/** An answer that another one follows (RFC 9110 §15.2). */
const isInterim = (head: Head): boolean => {
  const status = statusOf(head)
  return status >= 100 && status < 200 && status !== 101
}

/** Bytes behind a head, and where they begin. */
interface Rest {
  readonly bytes: Buffer
  readonly offset: number
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
