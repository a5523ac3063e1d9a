import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type Conn, type DialOptions, dial } from '../index.js'
import type { FrameDirection } from './annotate.js'
import { type Head, parseHead, statusOf } from './check/http-head.js'
import { reach } from './reach.js'
import { roomIn } from './room.js'

/** What is told of the bytes on a wire. The bytes are the watcher's own. */
export interface WireWatcher {
  /** The server has agreed: everything behind its answer is frames. */
  opened(answer: Head): void
  bytes(direction: FrameDirection, bytes: Buffer): void
  /** The other side ended TCP, or it broke. */
  ended(how: string): void
}

const NONE = Buffer.alloc(0)

/** Finds the end of the answer that goes before the frames. Interim answers may stand in front of it. */
class AnswerFinder {
  #before: Buffer | undefined = NONE

  /** The answer when its head ends in this chunk, and the bytes of the chunk that stand behind it. */
  append(chunk: Buffer): { readonly answer?: Head; readonly behind: Buffer } {
    if (this.#before === undefined) return { behind: chunk }
    let rest = Buffer.concat([this.#before, chunk])
    for (let parsed = parseHead(rest); parsed !== undefined; parsed = parseHead(rest)) {
      rest = rest.subarray(parsed.end)
      if (isInterim(parsed.head)) continue
      this.#before = undefined
      return { answer: parsed.head, behind: rest }
    }
    this.#before = rest // dial() sets a limit to it, and destroys the wire
    return { behind: NONE }
  }
}

const isInterim = (head: Head): boolean => statusOf(head) < 200 && statusOf(head) !== 101

/**
 * A stream to a server for `dial()` to open a WebSocket on. It lets the handshake through and nothing behind it: frames
 * are read by the watcher, and written with `inject()`.
 */
export class Wire extends Duplex {
  readonly #inner: Socket
  readonly #watcher: WireWatcher
  readonly #answer = new AnswerFinder()
  #isOpen = false
  #isOver = false

  constructor(inner: Socket, watcher: WireWatcher) {
    super({ allowHalfOpen: true })
    this.#inner = inner
    this.#watcher = watcher
    inner.on('data', (chunk: Buffer) => this.#receive(chunk))
    inner.on('end', () => this.#end())
    inner.on('error', (error: NodeJS.ErrnoException) => {
      this.#tellEnd(`broke TCP: ${error.code ?? error.message}`)
      this.destroy(this.#isOpen ? undefined : error)
    })
    inner.on('close', () => {
      this.#tellEnd('ended TCP')
      if (!this.#isOpen) this.destroy()
    })
  }

  /** Whether bytes can still be written. */
  get isWritable(): boolean {
    return this.#inner.writable
  }

  /** Writes bytes; resolves when there is room for more. */
  async inject(bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || !this.#inner.writable) return
    this.#watcher.bytes('sent', Buffer.from(bytes))
    if (!this.#inner.write(bytes)) await roomIn(this.#inner)
  }

  /** Ends our direction of TCP. */
  fin(): void {
    this.#inner.end()
  }

  /** Resets TCP, where there is TCP; with TLS the connection is just dropped. */
  reset(): void {
    if (this.#inner instanceof TLSSocket) this.#inner.destroy()
    else this.#inner.resetAndDestroy()
  }

  override _read(): void {
    this.#inner.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isOpen) return done() // a connection that is held back has nothing to say
    this.#inner.write(chunk, done)
  }

  override _final(done: () => void): void {
    if (!this.#isOpen) this.#inner.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy()
    done(error)
  }

  #receive(chunk: Buffer): void {
    const { answer, behind } = this.#answer.append(chunk)
    if (answer !== undefined && statusOf(answer) === 101) {
      this.#isOpen = true
      this.#watcher.opened(answer)
    }
    if (this.#isOpen && behind.length > 0) this.#watcher.bytes('received', Buffer.from(behind))
    const forUs = this.#isOpen ? chunk.subarray(0, chunk.length - behind.length) : chunk
    if (forUs.length > 0 && !this.push(forUs)) this.#inner.pause()
  }

  #end(): void {
    this.#tellEnd('ended TCP')
    if (!this.#isOpen) this.push(null)
  }

  #tellEnd(how: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#watcher.ended(how)
  }
}

/** `dial()` over a wire. */
export async function dialWire(
  url: string,
  options: DialOptions,
  watcher: WireWatcher,
): Promise<{ readonly conn: Conn; readonly wire: Wire }> {
  const { tls, proxy, followRedirects, connect, ...rest } = options
  const reached = await reach(url, options)
  const wire = new Wire(reached.stream, watcher)
  // Names of headers are the same in any case: one that the user gives takes the place of ours.
  const { headers: given = {} } = rest
  const namesHost = Object.keys(given).some((name) => name.toLowerCase() === 'host')
  const headers = namesHost ? given : { Host: reached.host, ...given }
  try {
    return { conn: await dial(reached.url, { ...rest, headers, socket: wire }), wire }
  } catch (error) {
    wire.destroy() // dial() leaves a stream alone that it was given with wrong options
    throw error
  }
}
