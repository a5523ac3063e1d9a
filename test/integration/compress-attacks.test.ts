import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import zlib from 'node:zlib'
import { type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import {
  clientFrame,
  GUARD,
  hex,
  listen,
  Random,
  type RawPeer,
  rawHandshake,
  seeded,
  turn,
} from '../support/index.js'
import { peakWhile } from '../support/measure.js'

const MIB = 1 << 20

/** Compressed zeros: a kilobyte for every megabyte. */
function bomb(megabytes: number): Buffer {
  const one = zlib.deflateRawSync(Buffer.alloc(MIB), { level: 9, finishFlush: zlib.constants.Z_FULL_FLUSH })
  return Buffer.concat(Array.from({ length: megabytes }, () => one)).subarray(0, -4)
}

const packed = (payload: Buffer): Buffer => clientFrame(2, payload, { rsv: 4 })

async function attack(
  t: TestContext,
  options: UpgradeOptions,
  connections = 1,
): Promise<{ peers: RawPeer[]; received: number[] }> {
  const received: number[] = []
  const server = upgrade(
    async (conn) => {
      for await (const message of conn) received.push(message.length)
    },
    { compress: true, ...options },
  )
  const port = await listen(t, createServer(server))
  const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
  const opened = Array.from({ length: connections }, () => rawHandshake(port, { t, headers }))
  return { peers: (await Promise.all(opened)).map(({ peer }) => peer), received }
}

const closeCode = async (peer: RawPeer): Promise<number> => {
  for (;;) {
    const frame = await peer.readFrame()
    if (frame.opcode === 8) return frame.payload.readUInt16BE()
  }
}

describe('attacks on compression', GUARD, () => {
  test('a bomb: 1 MB that would become 1 GB is stopped at maxMessage, in time and in memory', async (t) => {
    const { peers, received } = await attack(t, { maxFrame: 2 * MIB })
    const frame = packed(bomb(1024))
    assert.ok(frame.length < 1.1 * MIB)
    const [peer] = peers
    let code = 0
    const { peak } = await peakWhile(async () => {
      peer!.write(frame)
      code = await closeCode(peer!)
    })
    assert.equal(code, 1009)
    assert.deepEqual(received, [])
    // The frame itself, the message as far as it may go, and the buffers in between.
    assert.ok(peak < 8 * MIB, `${peak} bytes`)
  })

  test('many bombs at once: each is stopped at maxMessage', async (t) => {
    const { peers } = await attack(t, {}, 40)
    const frame = packed(bomb(200))
    let codes: number[] = []
    const { peak } = await peakWhile(async () => {
      for (const peer of peers) peer.write(frame)
      codes = await Promise.all(peers.map(closeCode))
    })
    assert.deepEqual(new Set(codes), new Set([1009]))
    // What is garbage by then is counted, too, as long as nobody has collected it.
    assert.ok(peak < 40 * 2 * MIB, `${peak} bytes`)
  })

  test('a bomb in fragments: the sum counts', async (t) => {
    const { peers } = await attack(t, { maxMessage: 5 * MIB })
    const payload = bomb(8)
    const step = Math.ceil(payload.length / 100)
    for (let at = 0; at < payload.length; at += step) {
      const fin = at + step >= payload.length
      peers[0]!.write(
        clientFrame(at === 0 ? 2 : 0, payload.subarray(at, at + step), { fin, rsv: at === 0 ? 4 : 0 }),
      )
    }
    assert.equal(await closeCode(peers[0]!), 1009)
  })

  test('maxRatio: what grows too much is stopped, however large it might get', async (t) => {
    const { peers, received } = await attack(t, { compress: { maxRatio: 100 } })
    peers[0]!.write(packed(zlib.deflateRawSync(JSON.stringify(Array.from({ length: 9999 }, (_, i) => i)))))
    peers[0]!.write(packed(zlib.deflateRawSync(Buffer.alloc(100_000))))
    assert.equal(await closeCode(peers[0]!), 1009)
    assert.equal(received.length, 1)
  })

  test('tiny fragments of a compressed message: their number is limited', async (t) => {
    const { peers } = await attack(t, {})
    const payload = zlib.deflateRawSync(new Random(1).bytes(5000))
    const frames = Array.from(payload.subarray(0, 1100), (byte, i) =>
      clientFrame(i === 0 ? 2 : 0, Buffer.of(byte), { fin: false, rsv: i === 0 ? 4 : 0 }),
    )
    peers[0]!.write(Buffer.concat(frames))
    assert.equal(await closeCode(peers[0]!), 1008)
  })

  test('empty fragments of a compressed message: their number is limited', async (t) => {
    const { peers } = await attack(t, {})
    const frames = Array.from({ length: 1100 }, (_, i) =>
      clientFrame(i === 0 ? 2 : 0, '', { fin: false, rsv: i === 0 ? 4 : 0 }),
    )
    peers[0]!.write(Buffer.concat(frames))
    assert.equal(await closeCode(peers[0]!), 1008)
  })

  test('final blocks, each of them a new beginning: their number is limited', async (t) => {
    const { peers } = await attack(t, {})
    peers[0]!.write(packed(Buffer.alloc(MIB - 100, hex('0300'))))
    assert.equal(await closeCode(peers[0]!), 1007)
  })

  test('garbage of every kind closes 1007 or 1009, or is read; nothing else happens', async (t) => {
    const { peers } = await attack(t, { compress: { threshold: 0 } }, 30)
    await seeded(async (random) => {
      const codes = await Promise.all(
        peers.map((peer) => {
          for (let i = 0; i < 3; i++) peer.write(packed(random.bytes(random.int(1, 500))))
          peer.write(clientFrame(8, hex('03e8')))
          return closeCode(peer)
        }),
      )
      for (const code of codes) assert.ok([1000, 1007, 1009].includes(code), `${code}`)
    })
  })

  test('vanishing in the midst of a large message leaves no job and no error behind', async (t) => {
    const { peers, received } = await attack(t, { maxMessage: 64 * MIB, maxFrame: 64 * MIB }, 20)
    const frame = packed(bomb(40))
    const [last] = peers
    for (const peer of peers) {
      peer.write(frame)
      if (peer !== last) peer.destroy()
    }
    last!.write(clientFrame(8, hex('03e8')))
    assert.equal(await closeCode(last!), 1000)
    while (!received.includes(40 * MIB)) await turn()
  })

  test('a peer that does not read what is compressed for it is cut off at maxOutboxBytes', async (t) => {
    const data = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i * 7) >> 3))
    let code: number | undefined
    const server = upgrade(
      async (conn) => {
        while (conn.isOpen) {
          void conn.send(data)
          await turn()
        }
        code = (await conn.closed).code
      },
      { compress: true, maxOutboxBytes: 2 * MIB, closeTimeout: 50 },
    )
    const port = await listen(t, createServer(server))
    const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
    const { peer } = await rawHandshake(port, { t, headers })
    peer.socket.pause()
    while (code === undefined) await turn()
    assert.equal(code, 1013)
  })
})
