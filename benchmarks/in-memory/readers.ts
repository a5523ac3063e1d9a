// Everybody who takes frames apart.
import { Duplex } from 'node:stream'
import { FrameDecoder } from '../../src/frame/index.js'
import { acquireFrame, Conn, releaseFrame } from '../../src/index.js'
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

/** A stream that gives what it is fed. */
class Source extends Duplex {
  override _read(): void {
    // Chunks are pushed when the benchmark says so.
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }
}

/** `conn.nextFrame()` of a whole connection. */
export const nextFrame: MakeWorker = (size) => {
  const bytes = frameOf(size)
  const row = rowOfFrames(bytes)
  const perChunk = framesInChunk(bytes)
  const source = new Source()
  const conn = Conn.over(source, { role: 'server', maxFrame: LIMIT, maxMessage: LIMIT, keepalive: false })
  const worker = { count: 0, work }
  async function work(messages: number): Promise<void> {
    for (let left = messages; left > 0; left -= perChunk) {
      const count = Math.min(left, perChunk)
      source.push(row.subarray(0, count * bytes.length))
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
