import assert from 'node:assert/strict'
import { deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib'
import type { Conn } from '../../src/conn/conn.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { Role } from '../../src/frame/rules.js'
import { compression } from '../conn/compress-support.js'
import { clientFrame, hex, type Random, serverFrame, type WireFrame } from '../support/index.js'
import { openLine } from './conn-line.js'
import { bringAll, keep, READERS } from './conn-observe.js'
import type { Received } from './conn-reference.js'
import type { Target } from './guided.js'
import { inputOf, pick, ROLES, SETTINGS, WORDS } from './wire-inputs.js'

/** Compressed by itself: such pieces one behind the other are one message. */
const piece = (text: string): Buffer => deflateRawSync(text, { finishFlush: zlib.Z_FULL_FLUSH })
const whole = (text: string): Buffer => piece(text).subarray(0, -4)

const TALK: readonly (readonly [opcode: number, payload: Buffer, more?: Partial<WireFrame>])[] = [
  [1, whole('hällo'), { rsv: 4 }],
  [2, piece('x'.repeat(15)), { rsv: 4, fin: false }],
  [9, hex('00')],
  [0, piece('y'.repeat(15)), { fin: false }],
  [0, whole('z'.repeat(12))],
  [1, deflateRawSync('a final block'), { rsv: 4 }],
  [1, Buffer.from('as it is')],
  [8, hex('03e8')],
]

const talk = (role: Role): Buffer =>
  Buffer.concat(
    TALK.map(([opcode, payload, more]) =>
      role === 'server'
        ? clientFrame(opcode, payload, { mask: 0, ...more })
        : serverFrame(opcode, payload, more),
    ),
  )

/** What is there at least, of a message that may not be whole. */
function grown(parts: readonly Buffer[], isPacked: boolean): number {
  const bytes = Buffer.concat(parts)
  if (!isPacked) return bytes.length
  try {
    return inflateRawSync(bytes, { finishFlush: zlib.Z_SYNC_FLUSH }).length
  } catch {
    return 0
  }
}

/** Reads frames as they are on the wire. None may come behind those of a message that has grown too long. */
async function readFrames(conn: Conn, maxMessage: number): Promise<void> {
  let parts: Buffer[] = []
  let isPacked = false
  for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) {
    assert.ok(grown(parts, isPacked) <= maxMessage, 'a message has grown beyond maxMessage')
    if (frame.isData && !frame.isContinuation) {
      parts = []
      isPacked = frame.rsv1
    }
    if (frame.isData) parts.push(frame.copyPayload())
    releaseFrame(frame)
  }
}

const WAYS = ['events', ...Object.keys(READERS)]

/** Reads in one of these ways, up to an end that is peaceful or a CloseError. */
async function readAll(conn: Conn, way: string, messages: Received[], maxMessage: number): Promise<void> {
  try {
    if (way === 'frames') await readFrames(conn, maxMessage)
    else await READERS[way]?.(conn, messages)
  } catch (error) {
    if ((error as { name?: unknown }).name !== 'CloseError') throw error
  }
}

/** The message in fragments is just too long for the second one. */
const LIMITS = [1000, 40]

async function run(input: Buffer, random: Random): Promise<void> {
  const role = pick(ROLES, input[0])
  const maxMessage = pick(LIMITS, input[1])
  const way = pick(WAYS, input[2])
  const messages: Received[] = []
  const events = {
    message: (_conn: Conn, message: Received) => keep(messages, message.isText, message.data),
  }
  const listening = way === 'events' ? events : undefined
  const { line, conn } = openLine(role, { maxMessage }, listening, compression({}, role))
  const reading = readAll(conn, way, messages, maxMessage)
  reading.catch(() => undefined) // it is awaited when all has been brought
  await bringAll(line, random.split(input.subarray(SETTINGS)))
  const { code, initiator, clean } = await conn.closed
  await reading
  if (initiator === 'local') assert.ok([1002, 1007, 1008, 1009].includes(code), `closed with ${code}`)
  else assert.ok(clean || code === 1006, `${code} and not clean`)
  for (const { data } of messages) assert.ok(data.length <= maxMessage, `a message of ${data.length} bytes`)
}

export const packedConnection: Target = {
  name: 'a connection that inflates',
  seeds: ROLES.flatMap((role, i) =>
    WAYS.flatMap((_way, way) => LIMITS.map((_limit, limit) => inputOf([i, limit, way], talk(role)))),
  ),
  words: [
    ...WORDS,
    ...['c180', '4180', '4280', 'c100', '4100', '0000ffff', '0300', '010000ffff'].map(hex),
    ...['x', 'y'.repeat(30), 'z'.repeat(200)].map(piece),
  ],
  run,
}
