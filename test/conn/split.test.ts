import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Opcode } from '../../src/frame/opcode.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, closePayload, type Random, seeded, serverFrame } from '../support/index.js'
import { brief, type LineOptions, onLine, settle } from './support.js'

/** A long stream of everything a peer may send, and in the end a Close or a violation. */
function scenario(random: Random): Buffer {
  const pieces: Buffer[] = []
  const payload = (): string =>
    random.pick(['', 'a', 'grüße', '€𝄞', 'x'.repeat(random.int(1, 200)), 'ü'.repeat(3000)])
  const control = (): void =>
    void pieces.push(clientFrame(random.pick([9, 10]), random.bytes(random.int(0, 125))))
  const message = (): void => {
    const bytes = Buffer.from(payload())
    const opcode = random.pick([1, 2])
    const cuts = random.int(0, 3)
    let at = 0
    for (let i = 0; i <= cuts; i++) {
      const end = i === cuts ? bytes.length : random.int(at, bytes.length)
      pieces.push(
        clientFrame(i === 0 ? opcode : 0, bytes.subarray(at, end), {
          fin: i === cuts,
          mask: random.int(0, 2 ** 32 - 1),
        }),
      )
      at = end
      if (random.chance(3)) control()
    }
  }
  for (let i = random.int(3, 12); i > 0; i--) random.pick([message, message, control])()
  const ends: Buffer[] = [
    clientFrame(8, closePayload(random.pick([1000, 4000]), 'bye')),
    clientFrame(8),
    clientFrame(3, 'reserved'),
    clientFrame(1, Buffer.of(0x61, 0xff)),
    clientFrame(0, 'nothing to continue'),
    clientFrame(2, '', { length: 2n ** 40n }),
    serverFrame(1, 'no mask'),
    Buffer.alloc(0),
  ]
  return Buffer.concat([...pieces, random.pick(ends), clientFrame(1, 'behind the end')])
}

/** What a connection makes of some bytes: what it shows, what it answers, how it ends. */
async function outcome(
  pieces: readonly Uint8Array[],
  how: 'events' | 'messages' | 'frames' | 'parts',
): Promise<string[]> {
  const log: string[] = []
  const options: LineOptions = { maxInboxFrames: how === 'events' ? 16 : 3, maxMessage: 50_000 }
  const { conn, line } = onLine(
    how !== 'events'
      ? options
      : {
          ...options,
          events: {
            message: (_, message) => void log.push(`message ${message.isText} ${message.text()}`),
            ping: (_, payload) => void log.push(`ping ${payload.toString('hex')}`),
            pong: (_, payload) => void log.push(`pong ${payload.toString('hex')}`),
            error: (_, error) => void log.push(`error ${error.message}`),
          },
        },
  )
  const reading = how === 'events' ? undefined : readAll(conn, how, log)
  for (const piece of pieces) {
    while (line.paused) await settle()
    line.receive(piece)
  }
  await settle()
  log.push(...(await line.frames()).map(brief))
  line.fin()
  line.events.closed(undefined)
  const { code, reason } = await conn.closed
  log.push(`closed ${code} ${reason}`)
  await reading
  return log
}

type Line = ReturnType<typeof onLine>

async function readAll(
  conn: Line['conn'],
  how: 'messages' | 'frames' | 'parts',
  log: string[],
): Promise<void> {
  try {
    if (how === 'messages') {
      for await (const message of conn) log.push(`message ${message.isText} ${message.text()}`)
    } else if (how === 'frames') {
      for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) {
        // Control frames are shown to those who wait for them; how many are kept meanwhile is no promise.
        if (frame.isData || frame.opcode === Opcode.Close) log.push(String(frame) + frame.text())
        releaseFrame(frame)
      }
    } else {
      for (let reader = await conn.reader(); reader !== null; reader = await conn.reader()) {
        log.push('begins')
        for await (const part of reader) log.push(part.toString('hex'))
      }
    }
    log.push('ended')
  } catch (error) {
    log.push(String(error))
  }
}

for (const how of ['events', 'messages', 'frames', 'parts'] as const)
  test(`a connection does the same however its bytes are cut (${how})`, () =>
    seeded(async (random) => {
      const stream = scenario(random)
      const sorted = async (pieces: readonly Uint8Array[]): Promise<string[]> => {
        const log = await outcome(pieces, how)
        // What is read and what is answered are told at different times, but each in its order.
        return how === 'events' ? log : log.sort()
      }
      const whole = await sorted([stream])
      assert.deepEqual(await sorted(random.split(stream)), whole)
      assert.deepEqual(await sorted([...stream].map((byte) => Buffer.of(byte))), whole)
    }, 8))
