import { Duplex } from 'node:stream'
import { type Conn, type DialOptions, dial } from '../index.js'
import type { FrameDirection } from './annotate.js'
import { type Head, parseHead, statusOf } from './check/http-head.js'
import { reach } from './reach.js'

/** What is told of the bytes on a wire. The bytes are the watcher's own. */
export interface WireWatcher {
  /** The server has agreed: everything behind its answer is frames. */
  opened(answer: Head): void
  bytes(direction: FrameDirection, bytes: Buffer): void
  /** The other side ended TCP, or it broke. */
  ended(how: string): void
}

/** Nobody needs a longer head. */
const LONGEST_HEAD = 1 << 20

/** Finds the end of the HTTP head that goes before the frames. */
class HeadFinder {
  #before: Buffer | undefined = Buffer.alloc(0)

  /** The head when it ends in this chunk, and the bytes of the chunk that stand behind it. */
  append(chunk: Buffer): { readonly head?: Head; readonly behind: Buffer } {
    if (this.#before === undefined) return { behind: chunk }
    const all = Buffer.concat([this.#before, chunk])
    const parsed = parseHead(all)
    this.#before = parsed !== undefined || all.length > LONGEST_HEAD ? undefined : all
    if (parsed === undefined) return { behind: NONE }
    return { head: parsed.head, behind: chunk.subarray(chunk.length - (all.length - parsed.end)) }
  }
}

const NONE = Buffer.alloc(0)

/**
 * A stream to a server that shows every byte, for `dial()` to open a WebSocket on. One that is held lets the handshake
 * through and nothing behind it: frames are then read by the watcher, and written with `inject()`.
 */
export class Wire extends Duplex {
  readonly #inner: Duplex
  readonly #watcher: WireWatcher
  readonly #holds: boolean
  readonly #request = new HeadFinder()
  readonly #answer = new HeadFinder()
  #isOpen = false
  #isOver = false

  constructor(inner: Duplex, watcher: WireWatcher, way: 'shown' | 'held') {
    super({ allowHalfOpen: true })
    this.#inner = inner
    this.#watcher = watcher
    this.#holds = way === 'held'
    inner.on('data', (chunk: Buffer) => this.#receive(chunk))
    inner.on('end', () => this.#end('ended TCP'))
    inner.on('error', (error: NodeJS.ErrnoException) => {
      this.#tellEnd(`broke TCP: ${error.code ?? error.message}`)
      this.destroy(this.#holds && this.#isOpen ? undefined : error)
    })
    inner.on('close', () => {
      this.#tellEnd('ended TCP')
      if (!this.#holds || !this.#isOpen) this.destroy()
    })
  }

  /** Whether bytes can still be written. */
  get isWritable(): boolean {
    return this.#inner.writable
  }

  /** Writes bytes of a held wire; resolves when there is room for more. */
  async inject(bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || !this.#inner.writable) return
    this.#watcher.bytes('sent', Buffer.from(bytes))
    if (this.#inner.write(bytes)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#inner.off('drain', done).off('close', done)
        resolve()
      }
      this.#inner.on('drain', done).on('close', done)
    })
  }

  /** Ends our direction of TCP. */
  fin(): void {
    this.#inner.end()
  }

  /** Resets TCP, where there is TCP; with TLS the connection is just dropped. */
  reset(): void {
    const { resetAndDestroy } = this.#inner as { resetAndDestroy?: () => unknown }
    if (resetAndDestroy === undefined || 'encrypted' in this.#inner) this.#inner.destroy()
    else resetAndDestroy.call(this.#inner)
  }

  override _read(): void {
    this.#inner.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { behind } = this.#request.append(chunk)
    if (this.#holds && this.#isOpen) return done() // a connection that is held back has nothing to say
    if (behind.length > 0) this.#watcher.bytes('sent', Buffer.from(behind))
    this.#inner.write(chunk, done)
  }

  override _final(done: () => void): void {
    if (!this.#holds || !this.#isOpen) this.#inner.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy()
    done(error)
  }

  #receive(chunk: Buffer): void {
    const { head, behind } = this.#answer.append(chunk)
    if (head !== undefined && statusOf(head) === 101) {
      this.#isOpen = true
      this.#watcher.opened(head)
    }
    if (this.#isOpen && behind.length > 0) this.#watcher.bytes('received', Buffer.from(behind))
    const forUs = this.#isOpen && this.#holds ? chunk.subarray(0, chunk.length - behind.length) : chunk
    if (forUs.length > 0 && !this.push(forUs)) this.#inner.pause()
  }

  #end(how: string): void {
    this.#tellEnd(how)
    if (!this.#holds || !this.#isOpen) this.push(null)
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
  way: 'shown' | 'held',
): Promise<{ readonly conn: Conn; readonly wire: Wire }> {
  const { tls, proxy, followRedirects, connect, ...rest } = options
  const reached = await reach(url, options)
  const wire = new Wire(reached.stream, watcher, way)
  const headers = { Host: reached.host, ...rest.headers }
  return { conn: await dial(reached.url, { ...rest, headers, socket: wire }), wire }
}
