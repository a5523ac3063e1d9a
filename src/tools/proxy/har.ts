import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { Opcode } from '../../frame/index.js'
import { type Head, statusOf } from '../check/http-head.js'
import type { FrameEvent, HandshakeEvent, WireEvent } from '../recording/events.js'
import { urlOf } from '../url.js'
import { version } from '../version.js'
import { type FileSettings, keepPrivate, PRIVATE } from './recorder.js'
import type { Sink } from './sink.js'

/** Messages of a connection are held in memory up to this size, then set aside. */
const HELD = 64 << 10

/** One connection: what of it was set aside, and where. */
interface Entry {
  readonly at: number
  end: number
  readonly pieces: { readonly offset: number; readonly length: number }[]
  held: string[]
  heldLength: number
  isEmpty: boolean
}

/**
 * Writes a HAR as Chrome does: one entry for each WebSocket, with its messages in `_webSocketMessages`. As messages of one
 * connection stand together in it, they are set aside in a file beside it until the end; memory holds a little of each.
 */
export class HarRecorder implements Sink {
  readonly #settings: FileSettings
  readonly #spoolPath: string
  readonly #spool: number
  #spoolSize = 0
  readonly #entries = new Map<number, Entry>()
  #left = 0
  #isBroken = false

  constructor(settings: FileSettings) {
    this.#settings = settings
    this.#spoolPath = `${settings.path}.part`
    // Whether the HAR itself can be written is to be known now, not at the end.
    closeSync(openSync(settings.path, 'w', PRIVATE))
    keepPrivate(settings.path)
    // A name that others may guess: what stands there, or leads elsewhere, is not written to.
    rmSync(this.#spoolPath, { force: true })
    this.#spool = openSync(this.#spoolPath, 'wx+', PRIVATE)
  }

  take(event: WireEvent): void {
    if (this.#isBroken) return
    if (event.type === 'handshake') this.#begin(event)
    const entry = this.#entries.get(event.conn)
    if (entry === undefined) {
      if (event.type === 'frame' && isLast(event)) this.#left++
      return
    }
    entry.end = event.at ?? entry.end
    if (event.type === 'frame') this.#message(entry, event)
    if (event.type === 'end') this.#setAside(entry)
  }

  #begin(event: HandshakeEvent): void {
    if (event.request === undefined || event.response === undefined) return
    const { started, target } = this.#settings
    const at = event.at ?? 0
    const begin = new Date(started.getTime() + at)
    const head = JSON.stringify(harEntry(event.request, event.response, begin, target))
    const held = `${head.slice(0, -1)},"_webSocketMessages":[`
    this.#entries.set(event.conn, {
      at,
      end: at,
      pieces: [],
      held: [held],
      heldLength: held.length,
      isEmpty: true,
    })
  }

  #message(entry: Entry, event: FrameEvent): void {
    const { message, direction, at = 0 } = event
    if (!isLast(event)) return
    if (message === undefined) {
      this.#left++
      return
    }
    const text = JSON.stringify({
      type: direction === 'sent' ? 'send' : 'receive',
      time: (this.#settings.started.getTime() + at) / 1000,
      opcode: message.isText ? Opcode.Text : Opcode.Binary,
      data: message.data.toString(message.isText ? 'utf8' : 'base64'),
    })
    entry.held.push(`${entry.isEmpty ? '' : ','}${text}`)
    entry.isEmpty = false
    entry.heldLength += text.length
    if (entry.heldLength > HELD) this.#setAside(entry)
  }

  #setAside(entry: Entry): void {
    if (entry.held.length === 0) return
    const bytes = Buffer.from(entry.held.join(''))
    entry.held = []
    entry.heldLength = 0
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#spool, bytes, at, bytes.length - at, this.#spoolSize + at)
    } catch (error) {
      this.#fail(error)
      return
    }
    entry.pieces.push({ offset: this.#spoolSize, length: bytes.length })
    this.#spoolSize += bytes.length
  }

  #fail(error: unknown): void {
    if (this.#isBroken) return
    this.#isBroken = true
    const { path, note } = this.#settings
    note(`${path}: nothing is recorded any more: ${(error as Error).message}`)
  }

  async close(): Promise<boolean> {
    for (const entry of this.#entries.values()) this.#setAside(entry)
    const { path, note } = this.#settings
    if (this.#left > 0) note(`${path}: ${this.#left} messages are not in it: they were too long, or broken`)
    try {
      const file = await open(path, 'w', PRIVATE)
      try {
        for (const text of this.#texts()) await file.write(text)
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#fail(error)
    }
    closeSync(this.#spool)
    rmSync(this.#spoolPath, { force: true })
    return !this.#isBroken && this.#left === 0
  }

  /** The HAR, piece by piece. */
  *#texts(): Generator<string> {
    const creator = { name: 'fastws', version: version() }
    yield `{"log":{"version":"1.2","creator":${JSON.stringify(creator)},"pages":[],"entries":[`
    let isFirst = true
    for (const { at, end, pieces } of this.#entries.values()) {
      // Its beginning could not be set aside: what is without one is no JSON.
      if (pieces.length === 0) continue
      yield isFirst ? '\n' : ',\n'
      isFirst = false
      for (const { offset, length } of pieces) {
        const bytes = Buffer.alloc(length)
        readSync(this.#spool, bytes, 0, length, offset)
        yield bytes.toString()
      }
      yield `],"time":${end - at}}`
    }
    yield '\n]}}\n'
  }
}

/** Whether a frame ends a message. */
const isLast = ({ frame }: FrameEvent): boolean => frame.fin && !frame.isControl

/** An entry without its messages, with what HAR 1.2 wants to be there. */
function harEntry(request: Head, response: Head, started: Date, target: string): object {
  const [method = '', path = '/'] = request.line.split(' ')
  const url = `${target}${path}`
  const query = [...(urlOf(url)?.searchParams ?? [])]
  return {
    _resourceType: 'websocket',
    startedDateTime: started.toISOString(),
    request: {
      method,
      url,
      httpVersion: 'HTTP/1.1',
      headers: harHeaders(request),
      queryString: query.map(([name, value]) => ({ name, value })),
      cookies: [],
      headersSize: -1,
      bodySize: 0,
    },
    response: {
      status: statusOf(response),
      statusText: response.line.split(' ').slice(2).join(' '),
      httpVersion: 'HTTP/1.1',
      headers: harHeaders(response),
      cookies: [],
      content: { size: 0, mimeType: 'x-unknown' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: -1, wait: -1, receive: -1 },
  }
}

const harHeaders = ({ fields }: Head): object[] => fields.map(([name, value]) => ({ name, value }))
