// Everybody who takes frames apart.

import { startConn } from '../../src/conn/conn.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { FrameDecoder } from '../../src/frame/index.js'
import { acquireFrame, releaseFrame } from '../../src/index.js'
import type { Transport, TransportEvents } from '../../src/node/transport.js'
import { BINARY, clientMessage, textOf } from '../e2e/wire.js'
import { loadPeer } from '../root.js'
import { framesInChunk, type MakeWorker, type MemoryWorker, rowOfFrames } from './worker.js'

const LIMIT = 32 << 20

const frames = new Map<number, Buffer>()

/** The same frame for all clients. */
function frameOf(size: number): Buffer {
  const frame = frames.get(size) ?? clientMessage(textOf(size), BINARY)
  frames.set(size, frame)
  return frame
}

/** `FrameDecoder.read()` into one pooled frame. */
export const decoder: MakeWorker = (size) => {
  const bytes = frameOf(size)
  const row = rowOfFrames(bytes)
  const perChunk = framesInChunk(bytes)
  const decoder = new FrameDecoder({ role: 'server', maxFrame: LIMIT })
  const frame = acquireFrame()
  const worker = { count: 0, work }
  function work(messages: number): void {
    for (let left = messages; left > 0; left -= perChunk) {
      decoder.append(row, 0, Math.min(left, perChunk) * bytes.length)
      while (decoder.read(frame)) worker.count++
    }
  }
  return worker
}

/** A transport that gives what it is fed with a call, as the Receiver of ws is fed. */
class Source implements Transport {
  readonly keeps = 'until it has left'
  readonly pending = 0
  readonly remoteAddress = undefined
  readonly remotePort = undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  #events: TransportEvents | undefined

  open(events: TransportEvents): void {
    this.#events = events
  }

  feed(memory: Buffer, end: number): void {
    this.#events?.bytes(memory, 0, end)
  }

  write(): boolean {
    return true
  }

  writeAll(): boolean {
    return true
  }

  pause(): void {
    // It gives nothing of its own accord.
  }

  resume(): void {
    // It was never stopped.
  }

  end(): void {
    // Nobody is at the other end.
  }

  destroy(): void {
    // Nor holds it anything.
  }
}

/** `conn.nextFrame()` of a whole connection. */
export const nextFrame: MakeWorker = (size) => {
  const bytes = frameOf(size)
  const row = rowOfFrames(bytes)
  const perChunk = framesInChunk(bytes)
  const source = new Source()
  const options = resolveConnOptions({ maxFrame: LIMIT, maxMessage: LIMIT, keepalive: false })
  const conn = startConn(source, { role: 'server', options })
  const worker = { count: 0, work }
  async function work(messages: number): Promise<void> {
    for (let left = messages; left > 0; left -= perChunk) {
      const count = Math.min(left, perChunk)
      source.feed(row, count * bytes.length)
      for (let i = 0; i < count; i++) {
        const frame = await conn.nextFrame()
        if (frame === null) throw new Error('The connection has ended')
        worker.count++
        releaseFrame(frame)
      }
    }
  }
  return worker
}

/** What is used of ws, whose declarations leave the class out. */
interface Receiver {
  on(event: 'message', listener: () => void): void
  write(chunk: Buffer): boolean
}

/** The Receiver of ws. */
export const receiver: MakeWorker = (size): MemoryWorker => {
  const { Receiver } = loadPeer<{ Receiver: new (options: object) => Receiver }>('ws')
  const bytes = frameOf(size)
  const row = rowOfFrames(bytes)
  const perChunk = framesInChunk(bytes)
  const receiver = new Receiver({ isServer: true, maxPayload: LIMIT })
  const worker = { count: 0, work }
  receiver.on('message', () => {
    worker.count++
  })
  function work(messages: number): void {
    for (let left = messages; left > 0; left -= perChunk)
      receiver.write(row.subarray(0, Math.min(left, perChunk) * bytes.length))
  }
  return worker
}
