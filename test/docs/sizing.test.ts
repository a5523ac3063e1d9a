import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type ConnOptions, Frame, Opcode, pair } from 'fastws'
import { resolveConnOptions } from '../../src/conn/options.js'
import { ROOM_SIZE } from '../../src/conn/rest.js'
import { LONGEST, PLACES } from '../../src/conn/shared-text.js'
import { stagingSlab } from '../../src/conn/staging.js'
import { heldBy } from '../../src/frame/frame.js'
import { sharedMemory } from '../../src/node/shared-memory.js'
import { SCRATCH } from '../../src/node/zlib-fast.js'
import { root } from '../support/root.js'
import { tableAfter } from './markdown.js'

const GUIDE = 'docs/sizing.md'
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

type Limits = ReturnType<typeof resolveConnOptions>

/** What a frame that waits takes besides its payload, as the guide rounds it, and pings and pongs that wait at most. */
const FRAME = 750
const MAX_CONTROL_FRAMES = 64

/** The formulas of the guide. */
const worstIn = (limits: Limits): number =>
  limits.maxInboxBytes +
  limits.maxFrame +
  limits.maxMessage +
  sharedMemory.length +
  FRAME * (limits.maxInboxFrames + limits.maxFragments + MAX_CONTROL_FRAMES)
const worstOut = (limits: Limits, longest: number): number =>
  limits.maxOutboxBytes + 2 * Math.max(longest, stagingSlab().length)

/** What is on its way between the two ends of a pair: of a socket, the kernel has it. */
const IN_FLIGHT = 64 * KIB

/** As the guide writes it, in three digits. */
function written(bytes: number): string {
  const [size, unit] = bytes >= GIB ? [GIB, 'GiB'] : bytes >= MIB ? [MIB, 'MiB'] : [KIB, 'KiB']
  return `${Number((bytes / size).toPrecision(3))} ${unit}`
}

/** What is set in a cell, `maxMessage: 65536, …`, over what was set in the rows above. */
const optionsIn = (text: string): ConnOptions =>
  Object.fromEntries([...text.matchAll(/(\w+): (\d+)/g)].map(([, name = '', value]) => [name, Number(value)]))

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe(GUIDE, () => {
  test('tells what all connections share', () => {
    const memory = sharedMemory.length + stagingSlab().length + SCRATCH.length + ROOM_SIZE
    const [first, second] = tableAfter(GUIDE, '## At rest')
    assert.equal(first?.[1], written(memory))
    assert.equal(second?.[1], `at most ${written(PLACES * LONGEST)}`)
  })

  test('tells what an idle connection is tested to hold at most', () => {
    const tested = [...read('test/conn/idle-heap.test.ts').matchAll(/bytes < (\d+)/g)].map(
      ([, most]) => `< ${Number(most).toLocaleString('en')} bytes`,
    )
    assert.deepEqual(
      tableAfter(GUIDE, '## At rest')
        .slice(2, 4)
        .map(([, most]) => most),
      tested,
    )
  })

  test('is right about what a frame takes besides its payload', () => {
    const besides = Array.from({ length: 9000 }, (_, size) => {
      const frame = new Frame()
      new Frame({ payload: Buffer.alloc(size) }).copyTo(frame)
      return heldBy(frame) - size
    })
    const [empty, ...others] = besides
    const most = Math.max(...others)
    const told = `takes ${empty} bytes when it is empty, and 490 to 730 besides`
    assert.ok(read(GUIDE).includes(told), told)
    assert.ok(others[0]! >= 490 && others[0]! < 500 && most > 700 && most <= 730 && most < FRAME, `${most}`)
  })

  test('calculates the worst case rightly', () => {
    const rows = tableAfter(GUIDE, '## At worst')
    assert.equal(rows.length, 3)
    let set: ConnOptions = {}
    for (const [what = '', ...told] of rows) {
      set = { ...set, ...optionsIn(what) }
      const limits = resolveConnOptions(set)
      const [bytesIn, bytesOut] = [worstIn(limits), worstOut(limits, 64 * KIB)]
      assert.deepEqual(
        told,
        [written(bytesIn), written(bytesOut), written(1000 * (bytesIn + bytesOut))],
        what,
      )
    }
  })

  test('tells the defaults that the README tells', () => {
    const known = new Map(
      ['ConnOptions', 'UpgradeOptions', 'CompressOptions'].flatMap((name) =>
        tableAfter('README.md', `<!-- options: ${name} -->`).map(
          ([option = '', value = '']) =>
            [`${name === 'CompressOptions' ? '' : name}${option}`, value] as const,
        ),
      ),
    )
    const rows = tableAfter(GUIDE, '`in` needs a peer')
    assert.ok(rows.length > 10)
    for (const [, set = '', told = ''] of rows) {
      const kinds = set.includes('of `compress`') ? [''] : ['ConnOptions', 'UpgradeOptions']
      const defaults = [...set.matchAll(/`[\w.]+`/g)].flatMap(([option]) =>
        kinds.flatMap(
          (kind) =>
            known
              .get(kind + option)
              ?.split(',')[0]
              ?.replace(/^1$/, '1,024') ?? [],
        ),
      )
      assert.equal(told, defaults.join(', '), set)
    }
  })

  test('calculates its example rightly', () => {
    const LONGEST = 16 * KIB
    const options = { maxMessage: LONGEST, maxFrame: LONGEST, maxInboxBytes: 4 * LONGEST, maxFragments: 16 }
    const limits = resolveConnOptions({ ...options, maxOutboxBytes: 16 * LONGEST })
    const [bytesIn, bytesOut] = [worstIn(limits), worstOut(limits, LONGEST)]
    const told = `${written(bytesIn)} in and ${written(bytesOut)} out for each connection, and ${written(5000 * (bytesIn + bytesOut))} for all`
    assert.ok(read(GUIDE).includes(told), told)
  })

  for (const size of [1, 1000, 20_000, 65_536])
    test(`is right about what a peer can make us keep: messages of ${size} bytes that nobody reads`, async () => {
      const limits = { maxInboxBytes: 65_536, maxFrame: 65_536, maxMessage: 65_536, maxOutboxBytes: MIB }
      const { client, server } = pair({ ...limits, whenFull: 'wait' })
      for (let sent = 0; sent < 4 * MIB && sent < size * 100_000; sent += size)
        void client.send(Buffer.alloc(size))
      let seen = -1
      while (server.stats.bytesIn !== seen) {
        seen = server.stats.bytesIn
        for (let turns = 0; turns < 20; turns++) await tick()
      }
      assert.ok(client.bufferedAmount > 0, 'the peer has to wait')
      assert.ok(seen > 0 && seen <= worstIn(resolveConnOptions(limits)), `${seen} bytes came in`)
      client.terminate()
    })

  test('is right about a message that does not end, too', async () => {
    const limits = { maxInboxBytes: 65_536, maxFrame: 65_536, maxMessage: 65_536, maxOutboxBytes: MIB }
    const { client, server } = pair({ ...limits, whenFull: 'wait' })
    const message = server.read()
    for (let i = 0; i < 100; i++)
      void client.writeFrame(
        new Frame({
          opcode: i === 0 ? Opcode.Binary : Opcode.Continuation,
          fin: false,
          payload: Buffer.alloc(1000),
        }),
      )
    await assert.rejects(message, { code: 1009 })
    assert.ok(server.stats.framesIn * 1000 <= worstIn(resolveConnOptions(limits)))
    client.terminate()
  })

  test('is right about what waits for a peer that does not read', async () => {
    const limits = { maxInboxBytes: 65_536, maxFrame: 65_536, maxMessage: 65_536, maxOutboxBytes: 262_144 }
    const { client, server } = pair(limits)
    let most = 0
    while (server.isOpen) {
      void server.send(Buffer.alloc(65_000))
      most = Math.max(most, server.bufferedAmount)
      await tick()
    }
    assert.ok(
      most > limits.maxOutboxBytes / 2 && most <= worstOut(resolveConnOptions(limits), 65_000) + IN_FLIGHT,
      `${most} bytes`,
    )
    client.terminate()
  })
})
