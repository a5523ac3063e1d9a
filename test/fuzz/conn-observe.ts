import assert from 'node:assert/strict'
import type { Conn } from '../../src/conn/conn.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { Role } from '../../src/frame/rules.js'
import { closePayload, readWireFrame, toHex, turn } from '../support/index.js'
import { openLine, type TestLine } from './conn-line.js'
import type { Judgement, Limits, Received } from './conn-reference.js'

export const keep = (messages: Received[], isText: boolean, data: Buffer): void =>
  void messages.push({ isText, data: Buffer.from(data) })

/** Ways to read everything there is; all of them must see the same. */
export const READERS: Readonly<Record<string, (conn: Conn, messages: Received[]) => Promise<void>>> = {
  loop: async (conn, messages) => {
    for await (const message of conn) keep(messages, message.isText, message.data)
  },
  'slow loop': async (conn, messages) => {
    for await (const message of conn) {
      keep(messages, message.isText, message.data)
      await turn()
    }
  },
  parts: async (conn, messages) => {
    for (let reader = await conn.reader(); reader !== null; reader = await conn.reader()) {
      const parts: Buffer[] = []
      for await (const part of reader) parts.push(part)
      keep(messages, reader.isText, Buffer.concat(parts))
    }
  },
  frames: async (conn, messages) => {
    let parts: Buffer[] = []
    let isText = false
    for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) {
      if (frame.isData) {
        if (!frame.isContinuation) isText = frame.isText
        parts.push(frame.copyPayload())
        if (frame.fin) keep(messages, isText, Buffer.concat(parts))
        if (frame.fin) parts = []
      }
      releaseFrame(frame)
    }
  },
}
export const WAYS = ['events', ...Object.keys(READERS)]

export interface Observed {
  readonly messages: readonly Received[]
  readonly out: Buffer
  readonly conn: Conn
}

/** Brings a stream to a connection in pieces, and sees it through to its end. */
export async function observe(
  role: Role,
  pieces: readonly Buffer[],
  limits: Limits,
  way: string,
): Promise<Observed> {
  const messages: Received[] = []
  const events = {
    message: (_conn: Conn, message: { isText: boolean; data: Buffer }) =>
      keep(messages, message.isText, message.data),
  }
  const { line, conn } = openLine(role, limits, way === 'events' ? events : undefined)
  const reading = READERS[way]?.(conn, messages).catch((error: unknown) => {
    assert.equal((error as { name?: unknown }).name, 'CloseError', String(error))
  })
  await bringAll(line, pieces)
  await conn.closed
  await reading
  return { messages, out: line.out, conn }
}

export async function bringAll(line: TestLine, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) await line.bring(piece)
  await turn()
  await line.finish()
}

/** The frames that came out, as a list of opcode and payload; their headers must be right. */
async function readOut(role: Role, bytes: Buffer): Promise<(readonly [number, string])[]> {
  const frames: (readonly [number, string])[] = []
  let at = 0
  const read = async (count: number): Promise<Buffer> => {
    assert.ok(at + count <= bytes.length, 'what goes out is whole frames')
    at += count
    return bytes.subarray(at - count, at)
  }
  while (at < bytes.length) {
    const { fin, rsv, opcode, masked, payload } = await readWireFrame(read)
    assert.deepEqual({ fin, rsv, masked }, { fin: true, rsv: 0, masked: role === 'client' })
    frames.push([opcode, toHex(payload)])
  }
  return frames
}

const PONG = 10
const CLOSE = 8

/** The connection did just what the reference says. */
export async function agree(
  role: Role,
  { messages, out, conn }: Observed,
  expected: Judgement,
): Promise<void> {
  assert.deepEqual(messages, expected.messages, 'messages')
  const frames = await readOut(role, out)
  const pongs = expected.pings.map((payload) => [PONG, toHex(payload)] as const)
  const report = await conn.closed
  const { outcome } = expected
  if (outcome.kind === 'open') {
    assert.deepEqual(frames, pongs, 'pongs, and no Close')
    assert.deepEqual([report.code, report.clean], [1006, false])
  } else if (outcome.kind === 'closed') {
    assert.deepEqual(frames, [...pongs, [CLOSE, toHex(outcome.payload)]], 'pongs and the same Close')
    assert.deepEqual([report.clean, report.initiator], [true, 'remote'])
  } else {
    assert.ok(
      outcome.codes.has(report.code),
      `${report.code} is none of ${[...outcome.codes]}: ${outcome.why}`,
    )
    const told = toHex(closePayload(report.code, report.reason))
    assert.deepEqual(frames, [...pongs, [CLOSE, told]], 'pongs and one Close with the code')
    assert.deepEqual([report.clean, report.initiator], [false, 'local'])
  }
}
