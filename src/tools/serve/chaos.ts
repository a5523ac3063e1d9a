import { setTimeout as pause } from 'node:timers/promises'
import { encodeFrame, Frame, Opcode } from '../../frame/index.js'
import type { Conn, Message } from '../../index.js'
import { Random } from './random.js'
import type { Visitor } from './visitor.js'
import { WRONG_FRAMES } from './wrong-frames.js'

/** What can happen to a message in place of a plain echo. */
export const ACTS = ['drop', 'delay', 'double', 'fragment', 'bad', 'close', 'cut', 'reset'] as const
export type Act = (typeof ACTS)[number]

/** Those that end the connection. */
const FATAL: readonly string[] = ['close', 'cut', 'reset'] satisfies readonly Act[]

export interface ChaosPlan {
  readonly seed: number
  /** How often each of them happens, from 0 to 1; 1 together at most. */
  readonly chances: Readonly<Record<Act, number>>
  /** Longest delay, in milliseconds. */
  readonly maxDelay: number
}

/** When nothing is asked for: mild things often, the end of a connection now and then. */
export const USUAL: Readonly<Record<Act, number>> = {
  drop: 0.05,
  delay: 0.2,
  double: 0.05,
  fragment: 0.2,
  bad: 0.02,
  close: 0.02,
  cut: 0.02,
  reset: 0.02,
}

/** Close codes that a client may meet in its life. */
const CODES = [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4000] as const

/** What happens to one message, all of it drawn from the seed and the numbers of connection and message. */
export interface Fate {
  readonly act: Act | 'echo'
  readonly random: Random
}

export function fateOf({ seed, chances }: ChaosPlan, conn: number, message: number): Fate {
  const random = new Random(seed, conn, message)
  let left = random.next()
  for (const act of ACTS) {
    if (left < chances[act]) return { act, random }
    left -= chances[act]
  }
  return { act: 'echo', random }
}

/** Answers a message as its fate will have it; tells what it came to in a few words. */
export type Telling = (act: Act, details: string) => void

export async function meetFate(
  conn: Conn<Visitor>,
  message: Message,
  { act, random }: Fate,
  { maxDelay, tell }: { readonly maxDelay: number; readonly tell: Telling },
): Promise<void> {
  conn.data.isDoomed = FATAL.includes(act)
  switch (act) {
    case 'echo':
      return conn.send(message)
    case 'drop':
      return tell(act, 'no answer')
    case 'delay': {
      const delay = random.integer(1, maxDelay)
      tell(act, `${delay} ms`)
      await pause(delay, undefined, { signal: conn.signal })
      return conn.send(message)
    }
    case 'double':
      tell(act, 'two answers')
      void conn.send(message)
      return conn.send(message)
    case 'fragment':
      return sendInFragments(conn, message, random, (count) => tell(act, `${count} frames`))
    case 'bad': {
      const { name, make } = random.pick(WRONG_FRAMES)
      tell(act, name)
      return conn.writeFrame(make(), { check: false })
    }
    case 'close': {
      const code = random.pick(CODES)
      tell(act, String(code))
      void conn.close(code, 'chaos')
      return
    }
    case 'cut':
      return cutOff(conn, message, random, (has, all) => tell(act, `${has} of ${all} bytes`))
    case 'reset':
      tell(act, 'TCP reset')
      return conn.data.passage?.reset() ?? conn.terminate()
  }
}

/** The echo in several frames, with a ping in between now and then. Empty frames are possible. */
async function sendInFragments(
  conn: Conn<Visitor>,
  message: Message,
  random: Random,
  tell: (count: number) => void,
): Promise<void> {
  const count = random.integer(2, 5)
  tell(count)
  const cuts = Array.from({ length: count - 1 }, () => random.integer(0, message.length)).sort(
    (a, b) => a - b,
  )
  const edges = [0, ...cuts, message.length]
  for (let i = 0; i < count; i++) {
    const opcode = i > 0 ? Opcode.Continuation : message.isText ? Opcode.Text : Opcode.Binary
    const payload = message.data.subarray(edges[i], edges[i + 1])
    if (random.next() < 0.25) void conn.ping('between').catch(() => undefined)
    void conn.writeFrame(new Frame({ opcode, fin: i === count - 1, payload }))
  }
  await conn.drained()
}

/** The beginning of the echo, and then the end of TCP. */
function cutOff(
  conn: Conn<Visitor>,
  message: Message,
  random: Random,
  tell: (has: number, all: number) => void,
): void {
  const bytes = encodeFrame(
    new Frame({ opcode: message.isText ? Opcode.Text : Opcode.Binary, payload: message.data }),
  )
  const has = random.integer(1, bytes.length - 1)
  tell(has, bytes.length)
  conn.data.passage?.endWith(bytes.subarray(0, has))
}
