// Everybody who puts frames together.
import { encodeFrame, encodeFrameInto } from '../../src/frame/index.js'
import { acquireFrame, Opcode } from '../../src/index.js'
import { textOf } from '../e2e/wire.js'
import { loadPeer } from '../root.js'
import type { MakeWorker } from './worker.js'

const memories = new Map<number, Buffer>()

/** The same memory for all clients: with some for each, the collector would run because of that. */
function memoryFor(size: number): Buffer {
  const memory = memories.get(size) ?? Buffer.allocUnsafeSlow(Math.max(64 << 10, size + 14))
  memories.set(size, memory)
  return memory
}

/** `encodeFrameInto()` memory that is used again and again, as a connection does. */
export const encoder: MakeWorker = (size) => {
  const frame = acquireFrame()
  frame.opcode = Opcode.Binary
  frame.payload = textOf(size)
  const memory = memoryFor(size)
  const worker = { count: 0, work }
  function work(messages: number): void {
    for (let i = 0, at = 0; i < messages; i++) {
      if (at + size + 14 > memory.length) at = 0
      at = encodeFrameInto(frame, memory, at)
    }
    worker.count += messages
  }
  return worker
}

/** `encodeFrame()`, which gives every frame memory of its own. */
export const encoderWithMemory: MakeWorker = (size) => {
  const frame = acquireFrame()
  frame.opcode = Opcode.Binary
  frame.payload = textOf(size)
  const worker = { count: 0, work }
  function work(messages: number): void {
    for (let i = 0; i < messages; i++) encodeFrame(frame)
    worker.count += messages
  }
  return worker
}

/** Copies payloads to where `encoder` would put them, and does nothing else. */
export const copier: MakeWorker = (size) => {
  const payload = textOf(size)
  const memory = memoryFor(size)
  const worker = { count: 0, work }
  function work(messages: number): void {
    for (let i = 0, at = 0; i < messages; i++, at += size + 14) {
      if (at + size + 14 > memory.length) at = 0
      payload.copy(memory, at + 14)
    }
    worker.count += messages
  }
  return worker
}

/** Takes what a Sender writes to its socket. */
const socket = { cork: () => undefined, uncork: () => undefined, write: () => true }

/** What is used of ws, whose declarations leave the class out. */
interface Sender {
  send(data: Buffer, options: object): void
}

/** The Sender of ws. It does not join header and payload: the socket writes two pieces. */
export const sender: MakeWorker = (size) => {
  const { Sender } = loadPeer<{ Sender: new (socket: object) => Sender }>('ws')
  const sender = new Sender(socket)
  const payload = textOf(size)
  const options = { binary: true, compress: false, fin: true, mask: false }
  const worker = { count: 0, work }
  function work(messages: number): void {
    for (let i = 0; i < messages; i++) sender.send(payload, options)
    worker.count += messages
  }
  return worker
}
