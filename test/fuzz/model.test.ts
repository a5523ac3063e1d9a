import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Extension } from '../../src/protocol/extension.js'
import { watchUnhandled } from '../conn/support.js'
import { fc } from '../support/fast-check.js'
import { closePayload, Random, seeded } from '../support/index.js'
import { Model, settle, World } from './model.js'
import { commands, endWriter, readOne } from './model-commands.js'

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 2)

/** An extension that does nothing, and takes its time for it now and then. */
const slow: Extension = {
  name: 'slow',
  start: () => ({
    decode: (frame) => (frame.isData && frame.length % 2 === 1 ? settle(1) : undefined),
    encode: (frame) => (frame.isData && frame.length % 3 === 1 ? settle(1) : undefined),
  }),
}

const options = fc.record({
  role: fc.constantFrom('server', 'client'),
  extensions: fc.constantFrom([], [], [slow]),
  maxInboxFrames: fc.constantFrom(1, 3, 16),
  maxInboxBytes: fc.constantFrom(1, 1000, 1 << 18),
  highWaterMark: fc.constantFrom(1, 1000, 1 << 16),
  fragmentSize: fc.constantFrom(500, 5000, Infinity),
  maxFragments: fc.constant(Infinity),
  whenFull: fc.constant('wait' as const),
})

/** Turns in which something has to have happened; an extension takes some for each frame. */
const PATIENCE = 3_000

async function until(world: World, model: Model, condition: () => boolean, otherwise: string): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < PATIENCE, otherwise)
    await settle(1)
    if (turns % 16 === 0) await world.check(model)
  }
  await world.check(model)
}

/** Brings whatever has been begun to its end. */
async function finish(model: Model, world: World): Promise<void> {
  const { conn, line, wire } = world
  line.flow()
  if (model.writer !== undefined) endWriter(model, world)
  const hadClosed = model.hasClosed || model.peerIsDone
  await settle()
  if (!hadClosed) await readAll(model, world)
  model.hasClosed = true
  if (conn.isOpen) model.endings.add('1000 local')
  const closed = conn.close(1000)
  await world.check(model)
  await answerClose(model, world)
  line.fin()
  await until(world, model, () => line.destroyed, 'it does not end')
  let isSettled = false
  const all = Promise.all([closed, conn.closed, ...world.calls]).then(() => {
    isSettled = true
  })
  await until(world, model, () => isSettled, 'a call is not answered')
  await all
  assert.ok(model.asked.every(({ state }) => state !== 'waits'))
  world.checkGone()
  if (!hadClosed) assert.deepEqual(model.received, model.arrived)
  if (model.isRough) return
  if (!hadClosed && model.pings.length > 0) assert.equal(wire.pongs.includes(model.pings.at(-1)!), true)
  assert.equal(conn.closeInfo?.clean, true)
  if (model.peerClosed) return
  const texts = model.sent.map(({ text }) => text)
  assert.deepEqual(wire.messages, texts)
}

async function readAll(model: Model, world: World): Promise<void> {
  const served = (): number => model.asked.filter(({ state }) => state === 'served').length
  const waiting = (): number => model.asked.filter(({ state }) => state === 'waits').length
  while (served() + waiting() < model.arrived.length) readOne(model, world)
  await until(world, model, () => model.received.length === model.arrived.length, 'a message does not arrive')
}

/** The peer answers our Close, unless it has said or done something else by then. */
async function answerClose(model: Model, world: World): Promise<void> {
  if (model.peerIsDone) return
  model.peerIsDone = true
  if (world.line.destroyed) return // the time for it was over
  await until(world, model, () => world.wire.close !== undefined, 'Close does not come')
  const code = world.wire.close!.readUInt16BE()
  world.bring([{ opcode: 8, payload: closePayload(code) }], new Random(0))
}

/** Runs between two looks at the clock. */
const ROUND = 50

test('Conn does what its model says, whatever is called, sent and broken, in any order', async (t) => {
  const check = watchUnhandled(t)
  const end = performance.now() + SECONDS * 1000
  let runs = 0
  await seeded(async ({ seed }) => {
    const property = fc.asyncProperty(options, commands, async ({ role, ...rest }, steps) => {
      runs++
      const setup = { model: new Model(), real: new World(role, rest) }
      await fc.asyncModelRun(() => setup, steps)
      await finish(setup.model, setup.real)
    })
    // Not by fast-check's own time limit: it cuts a run off in its midst, and fails when that is the first one.
    for (let round = 0; round === 0 || performance.now() < end; round++)
      await fc.assert(property, { seed: (seed + round) | 0, numRuns: ROUND, includeErrorInReport: true })
  })
  t.diagnostic(`${runs} runs`)
  check()
})
