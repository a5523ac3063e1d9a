// Honest clients: each sends a message now and then, and notes how long the echo takes.
import net from 'node:net'
import { answer } from '../e2e/rpc.js'
import { frameBytes, HANDSHAKE, TEXT } from '../e2e/wire.js'
import { Histogram } from '../stats.js'

const MESSAGE = frameBytes(Buffer.alloc(64, 'honest '), { opcode: TEXT, key: 0x1234_5678 })
/** The same without a mask. */
const ECHO = MESSAGE.length - 4

/** Milliseconds between an answer and the next message: with chance, so that the clients do not march in step. */
const pause = (): number => 20 + Math.random() * 60

/** Times in microseconds since the last question. */
const times = new Histogram()
let lost = 0

function open(port: number): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let sent = 0
  let missing = 0
  const send = (): void => {
    missing = ECHO
    sent = performance.now()
    socket.write(MESSAGE)
  }
  const hear = (chunk: Buffer): void => {
    missing -= chunk.length
    if (missing > 0) return
    times.add((performance.now() - sent) * 1000)
    setTimeout(send, pause())
  }
  socket.on('error', () => undefined)
  socket.once('close', () => lost++)
  socket.write(HANDSHAKE)
  return new Promise((resolve) =>
    socket.once('data', () => {
      socket.on('data', hear)
      setTimeout(send, pause())
      resolve()
    }),
  )
}

answer({
  open: ({ port, count }: { port: number; count: number }) =>
    Promise.all(Array.from({ length: count }, () => open(port))).then(() => undefined),
  /** What was measured since the last time that this was asked. */
  latency: () => {
    const percentile = (share: number): number => times.percentile(share) / 1000
    const latency = { count: times.total, p50: percentile(0.5), p99: percentile(0.99), lost }
    times.clear()
    return latency
  },
})
