import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import {
  encodeFrame,
  type Frame,
  FrameDecoder,
  isUtf8,
  mask,
  Opcode,
  type Role,
  releaseFrame,
} from '../../frame/index.js'
import { News } from '../news.js'
import { roomIn } from '../room.js'
import type { WireLog } from '../wire-log.js'
import { asBuffer, type FrameSpec, type Pieces } from './case.js'
import { type Agreement, Inflater } from './deflate.js'
import { faultOf, frameOf } from './frames.js'

/** What the other side did. */
export type PeerEvent =
  | { readonly kind: 'text' | 'binary' | 'pong'; readonly data: Buffer; readonly compressed?: boolean }
  | { readonly kind: 'close'; readonly payload: Buffer }
  /** The answer to a ping that was sent only to see whether the other side is there. */
  | { readonly kind: 'fence' }
  /** TCP was ended, or broke. */
  | { readonly kind: 'end'; readonly how: string }
  /** It broke a rule that holds for every frame. */
  | { readonly kind: 'wrong'; readonly what: string }

/** Frames of the peer may be this long; messages of the cases are 16 MiB at most. */
const LONGEST = 256 << 20

/** So many masking keys are remembered. */
const KEYS = 16

/** We go on writing while less than this is on its way. */
const HIGH_WATER = 1 << 20

/**
 * A connection of which we write every bit, and see every bit. It judges only what is wrong in any case: each frame of
 * the other side must be masked as its side has to, minimal, known, in order, and so on (RFC 6455 §5).
 */
export class Link {
  /** Our side. */
  readonly role: Role
  readonly #socket: Socket
  readonly #log: WireLog
  readonly #decoder = new FrameDecoder({ strict: false, maxFrame: LONGEST })
  readonly #inflater: Inflater | undefined
  readonly #events: PeerEvent[] = []
  readonly #news = new News()
  #isOver = false
  #closeSent = false
  #closeCode: number | null = null
  /** Fences that were not answered yet; what the last one says, and what those before it said. */
  #fences = 0
  #fence = ''
  readonly #earlier = new Set<string>()
  /** The last frame that was sent, to go on with its mask where its payload was sent in part. */
  #lastSent: Frame | undefined
  #lastLength = 0
  readonly maskKeys: number[] = []
  /** The message of the peer that is under way. */
  #parts: Buffer[] = []
  #head: { readonly isText: boolean; readonly compressed: boolean } | undefined

  constructor(socket: Socket, role: Role, log: WireLog, agreement?: Agreement) {
    this.role = role
    this.#socket = socket
    this.#log = log
    this.#inflater = agreement && new Inflater(agreement.theirs)
    socket.on('data', (chunk: Buffer) => this.feed(chunk))
    socket.on('end', () => this.#over('ended TCP'))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#over(`broke TCP: ${error.code ?? error.message}`),
    )
    socket.on('close', () => this.#over('ended TCP'))
    socket.resume() // it was paused when the handshake had been read
  }

  get closeSent(): boolean {
    return this.#closeSent
  }
  /** The code in the Close frame of the other side; 1005 where it has none. */
  get closeCode(): number | null {
    return this.#closeCode
  }

  /** Takes bytes of the peer; those that came with the handshake are given by hand. */
  feed(chunk: Buffer): void {
    try {
      this.#decoder.append(chunk)
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
        this.#receive(frame)
        releaseFrame(frame)
      }
    } catch (error) {
      this.#push({ kind: 'wrong', what: error instanceof Error ? error.message : String(error) })
    }
  }

  /** What came next; undefined when nothing comes for so long. */
  async next(milliseconds: number): Promise<PeerEvent | undefined> {
    if (this.#events.length === 0 && !this.#isOver) await this.#news.within(milliseconds)
    return this.#events.shift() ?? (this.#isOver ? { kind: 'end', how: 'ended TCP' } : undefined)
  }

  async send(frames: readonly FrameSpec[], pieces: Pieces = 'whole'): Promise<void> {
    const encoded = frames.map((frame) => this.#encode(frame))
    if (pieces === 'frames') return this.write(encoded)
    const all = encoded.length === 1 ? (encoded[0] as Buffer) : Buffer.concat(encoded)
    return this.write(pieces === 'whole' ? [all] : cut(all, pieces))
  }

  /** Writes each piece by itself, in a turn of its own. */
  async write(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.#socket.writable) return
      this.#socket.write(piece)
      if (pieces.length > 1) await turn()
      if (this.#socket.writableLength > HIGH_WATER) await roomIn(this.#socket)
    }
  }

  /**
   * Sends a ping whose answer, whatever it says, only shows that the other side is there; but not the answer to an
   * earlier one, which may come late.
   */
  async fence(): Promise<void> {
    this.#fences++
    if (this.#fence !== '') this.#earlier.add(this.#fence)
    this.#fence = `are you there? ${this.#earlier.size + 1}`
    await this.send([{ opcode: Opcode.Ping, payload: this.#fence }])
  }

  /** Sends more of the payload of the last frame. */
  async rest(payload: Uint8Array): Promise<void> {
    const bytes = Buffer.from(payload)
    const begun = this.#lastSent
    if (begun?.masked === true) mask(bytes, 0, bytes.length, begun.maskKey, this.#lastLength)
    this.#lastLength += bytes.length
    this.#log.note(`${bytes.length} bytes more of that frame`, 'sent')
    await this.write([bytes])
  }

  /** Ends our direction. */
  fin(): void {
    this.#log.note('we end our direction of TCP')
    this.#socket.end()
  }

  reset(): void {
    this.#log.note('we reset TCP')
    if (this.#socket instanceof TLSSocket) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  pause(): void {
    this.#log.note('we stop reading')
    this.#socket.pause()
  }

  resume(): void {
    this.#log.note('we read on')
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #encode(spec: FrameSpec): Buffer {
    if (spec.bytes !== undefined) {
      this.#log.note(`${spec.bytes.length} bytes ${preview(spec.bytes)}`, 'sent')
      return asBuffer(spec.bytes)
    }
    const frame = frameOf(spec, this.role)
    if (spec.opcode === Opcode.Close) this.#closeSent = true
    this.#lastSent = frame
    this.#lastLength = frame.payload.length
    this.#log.frame('sent', frame)
    return encodeFrame(frame)
  }

  #receive(frame: Frame): void {
    this.#log.frame('received', frame)
    if (frame.masked && this.maskKeys.length < KEYS) this.maskKeys.push(frame.maskKey)
    const what = faultOf(frame, this.role, {
      compressed: this.#inflater !== undefined,
      begun: this.#head !== undefined,
    })
    if (what !== undefined) this.#push({ kind: 'wrong', what })
    else if (frame.isControl) this.#control(frame)
    else this.#data(frame)
  }

  #control(frame: Frame): void {
    if (frame.isPing) return this.#answer(frame)
    if (frame.isClose) {
      const payload = frame.copyPayload()
      this.#closeCode ??= payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      return this.#push({ kind: 'close', payload })
    }
    if (this.#fences === 0) return this.#push({ kind: 'pong', data: frame.copyPayload() })
    this.#fences--
    if (!this.#earlier.has(frame.payload.toString('latin1'))) this.#push({ kind: 'fence' })
  }

  /** The other side may ping whenever it likes. */
  #answer(frame: Frame): void {
    if (this.#closeSent || !this.#socket.writable) return
    this.#socket.write(this.#encode({ opcode: Opcode.Pong, payload: frame.copyPayload() }))
  }

  #data(frame: Frame): void {
    this.#head ??= { isText: frame.isText, compressed: frame.rsv1 }
    this.#parts.push(frame.payload)
    if (!frame.fin) return
    const { isText, compressed } = this.#head
    const payload = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts)
    this.#parts = []
    this.#head = undefined
    const data = compressed ? this.#inflate(payload) : payload
    if (data === undefined) return
    if (isText && !isUtf8(data)) this.#push({ kind: 'wrong', what: 'sent a text that is not UTF-8 (§5.6)' })
    else this.#push({ kind: isText ? 'text' : 'binary', data, compressed })
  }

  #inflate(payload: Buffer): Buffer | undefined {
    try {
      return this.#inflater?.inflate(payload)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#push({ kind: 'wrong', what: `sent a message that cannot be inflated as was agreed: ${why}` })
      return undefined
    }
  }

  #push(event: PeerEvent): void {
    this.#events.push(event)
    this.#news.tell()
  }

  #over(how: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#log.note(how, 'received')
    this.#push({ kind: 'end', how })
  }
}

const preview = (bytes: Uint8Array): string =>
  Buffer.from(bytes.subarray(0, 32)).toString('hex') + (bytes.length > 32 ? '…' : '')

function cut(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}
