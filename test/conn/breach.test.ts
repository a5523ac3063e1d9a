import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { type CloseReport, WebSocketError } from '../../src/errors.js'
import { clientFrame, FakeClock, serverFrame } from '../support/index.js'
import { type Line, type LineOptions, onLine, settle } from './support.js'

interface Scene {
  readonly conn: Conn
  readonly line: Line
  readonly clock: FakeClock
  readonly frame: typeof clientFrame
}

interface Case {
  readonly options: LineOptions
  /** Stays within the limit. */
  readonly within: (scene: Scene) => unknown
  /** And goes beyond it. */
  readonly beyond: (scene: Scene) => unknown
  readonly limit: number
  readonly value: number
}

const fragments = ({ line, frame }: Scene, count: number): void => {
  line.receive(frame(1, '', { fin: false }))
  for (let i = 2; i < count; i++) line.receive(frame(0, '', { fin: false }))
  line.receive(frame(0, ''))
}

/** What waits behind a write that the peer does not take. */
async function fill({ conn, line }: Scene): Promise<void> {
  line.stuck = true
  void conn.send('waits')
  await settle()
}

const CASES: Readonly<Record<string, Case>> = {
  maxMessage: {
    options: { maxMessage: 10 },
    within: ({ line, frame }) => line.receive(frame(2, Buffer.alloc(10))),
    beyond: ({ line, frame }) => line.receive(frame(2, Buffer.alloc(11))),
    limit: 10,
    value: 11,
  },
  maxFrame: {
    options: { maxFrame: 10 },
    within: ({ line, frame }) => line.receive(frame(2, Buffer.alloc(10))),
    beyond: ({ line, frame }) => line.receive(frame(2, Buffer.alloc(11))),
    limit: 10,
    value: 11,
  },
  maxFragments: {
    options: { maxFragments: 5 },
    within: (scene) => fragments(scene, 5),
    beyond: (scene) => fragments(scene, 6),
    limit: 5,
    value: 6,
  },
  readTimeout: {
    options: { readTimeout: 1000 },
    within: ({ conn, clock }) => {
      conn.read().catch(() => undefined)
      clock.advance(999)
    },
    beyond: ({ clock }) => clock.advance(300), // looked at four times in it
    limit: 1000,
    value: 1000,
  },
  'keepalive.timeout': {
    options: { keepalive: { interval: 1000, timeout: 500 } },
    within: ({ clock }) => clock.advance(1499),
    beyond: ({ clock }) => clock.advance(1),
    limit: 500,
    value: 500,
  },
  closeTimeout: {
    options: { closeTimeout: 1000 },
    within: ({ conn, clock }) => {
      void conn.close()
      clock.advance(999)
    },
    beyond: ({ clock }) => clock.advance(1),
    limit: 1000,
    value: 1000,
  },
  writeTimeout: {
    options: { writeTimeout: 1000 },
    within: async (scene) => {
      await fill(scene)
      scene.clock.advance(999)
    },
    beyond: ({ clock }) => clock.advance(500),
    limit: 1000,
    value: 1000,
  },
}

const endOf = ({ conn }: Scene): CloseReport | undefined => conn.closeInfo

/** The end is a drop: there is nobody to be told. */
const UNTOLD = ['closeTimeout', 'writeTimeout']

for (const role of ['server', 'client'] as const)
  describe(`a ${role}`, () => {
    for (const [option, { options, within, beyond, limit, value }] of Object.entries(CASES))
      test(`names ${option} in the report, in the error and to the peer, and only beyond it`, async () => {
        const clock = new FakeClock()
        const frame = role === 'server' ? clientFrame : serverFrame
        const scene: Scene = { clock, frame, ...onLine({ role, clock, ...options }) }
        await within(scene)
        assert.equal(endOf(scene), undefined)
        await beyond(scene)
        const { breach, cause, reason } = endOf(scene)!
        assert.equal(breach?.option, option)
        assert.equal(breach.limit, limit)
        assert.ok(breach.value >= value && breach.value <= value * 1.5, `${breach.value}`)
        assert.ok(cause instanceof WebSocketError)
        assert.equal(cause.breach, breach)
        assert.match(cause.message, new RegExp(`${option} is ${limit}`))
        if (!UNTOLD.includes(option)) assert.equal(reason, `${option} is ${limit}, got ${breach.value}`)
      })
  })
