// A thousand connections at a time open, talk compressed and close, again and again; at the end memory has to be flat.
// Then the delay of the event loop while one peer sends 16 MiB compressed messages.
//
//     npm run soak:deflate                       5 minutes
//     npm run soak:deflate -- --seconds 30 --connections 200
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type ConnOptions, dial, upgrade } from '../../src/index.js'

type Compress = Exclude<ConnOptions['compress'], boolean | undefined>

const LARGE = 16 << 20
const TAKEOVER: Compress = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  threshold: 0,
}
const LIMITS = { maxMessage: 2 * LARGE, maxFrame: 2 * LARGE, maxOutboxBytes: 4 * LARGE }

/** What a process holds, garbage aside; the last of several, as finalizers let go of memory only later. */
async function held(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await sleep(20)
  }
  return process.memoryUsage()
}

/** The first two rounds fill caches and compile: they are not held against anybody. */
const UNSETTLED = 2

export interface SoakResult {
  /** Resident bytes at the end of every round. */
  readonly rss: readonly number[]
  /** Bytes that Node knows it holds outside of the heap: contexts of zlib, and buffers. */
  readonly external: readonly number[]
  readonly messages: number
}

export interface SoakShape {
  readonly connections: number
  readonly seconds: number
  readonly onRound?: (round: number, rss: number) => void
}

/** Opens, talks and closes, round after round. */
export async function soak({ connections, seconds, onRound }: SoakShape): Promise<SoakResult> {
  const { url, close } = await startEcho({ ...TAKEOVER, maxContexts: connections })
  const until = performance.now() + seconds * 1000
  const rss: number[] = []
  const external: number[] = []
  let messages = 0
  while (rss.length < 6 || performance.now() < until) {
    const talks = Array.from({ length: connections }, (_, i) => talk(url, rss.length * connections + i))
    for (const count of await Promise.all(talks)) messages += count
    const memory = await held()
    rss.push(memory.rss)
    external.push(memory.external)
    onRound?.(rss.length, rss.at(-1)!)
  }
  close()
  return { rss, external, messages }
}

/** How much more the second half of the rounds holds than the first, both at their least. */
export function growthOf(rounds: readonly number[]): number {
  const settled = rounds.slice(UNSETTLED)
  const half = Math.floor(settled.length / 2)
  return Math.min(...settled.slice(half)) - Math.min(...settled.slice(0, half))
}

/** One connection's life: some keep their context, some do not, some send what is worked on in the thread pool. */
async function talk(url: string, seed: number): Promise<number> {
  const compress = seed % 3 === 0 ? { ...TAKEOVER, serverNoContextTakeover: true } : TAKEOVER
  const conn = await dial(url, { compress, ...LIMITS, timeout: 60_000 })
  const rows = seed % 50 === 0 ? 3000 : 10
  const text = JSON.stringify(Array.from({ length: rows }, (_, i) => ({ seed, i, name: `name ${i % 7}` })))
  const times = 3 + (seed % 4)
  for (let i = 0; i < times; i++) {
    await conn.send(text)
    if ((await conn.read())?.length !== text.length) throw new Error('Another message came back')
  }
  // Some vanish, and some in the midst of a message.
  if (seed % 10 === 1) void conn.send(text)
  if (seed % 10 < 2) conn.terminate()
  else await conn.close()
  return times
}

async function startEcho(compress: Compress): Promise<{ url: string; close: () => void }> {
  const echo = upgrade({ message: (conn, message) => conn.send(message) }, { compress, ...LIMITS })
  const server = createServer(echo).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

export interface DelayResult {
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly messages: number
}

/** The delay of a server's event loop while one peer sends large messages; the peer is a process of its own. */
export async function delayWhileLarge(seconds: number): Promise<DelayResult> {
  let messages = 0
  const sink = upgrade({ message: () => void messages++ }, { compress: TAKEOVER, ...LIMITS })
  const server = createServer(sink).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { fork } = await import('node:child_process')
  const peer = fork(fileURLToPath(import.meta.url), ['--send', url])
  while (messages === 0) await sleep(10)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await sleep(seconds * 1000)
  delay.disable()
  peer.kill()
  await sink.close({ timeout: 1000 })
  server.close()
  const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map((ns) => ns / 1e6)
  return { p50: p50!, p99: p99!, max: max!, messages }
}

async function sendLarge(url: string): Promise<void> {
  const conn = await dial(url, { compress: TAKEOVER, ...LIMITS })
  const row = JSON.stringify({ id: 1, name: 'a name', text: 'changed the price', price: 3700 })
  const data = Buffer.alloc(LARGE, row)
  for (let i = 0; i < data.length; i += 61) data[i] = 33 + ((i * 7919) % 90)
  while (conn.isOpen) {
    await conn.send(data, { text: true })
    await conn.drained()
  }
}

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`
const ms = (value: number): string => `${value.toFixed(1)} ms`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '300' },
      connections: { type: 'string', default: '1000' },
      send: { type: 'string' },
    },
  })
  if (values.send !== undefined) return sendLarge(values.send)
  const onRound = (round: number, rss: number): void => console.log(`round ${round}: ${mib(rss)}`)
  const shape = { connections: Number(values.connections), seconds: Number(values.seconds), onRound }
  const { messages, rss } = await soak(shape)
  const growth = growthOf(rss)
  const isFlat = growth < 0.1 * Math.min(...rss)
  console.log(`${messages} messages; ${isFlat ? 'flat' : 'NOT FLAT'}: ${mib(growth)} more at the end`)
  const { p50, p99, max, messages: large } = await delayWhileLarge(Math.min(10, shape.seconds))
  console.log(
    `event loop while ${large} messages of 16 MiB came in: p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`,
  )
  if (!isFlat) process.exitCode = 1
  process.exit()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
