import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { EventHandler } from '../../src/conn/events.js'
import { dial } from '../../src/dial.js'
import { upgrade } from '../../src/upgrade.js'
import { deferred, listen } from '../support/index.js'

test('dial gives messages to event functions when it has them', async (t) => {
  const ws = upgrade({
    open: (conn) => void conn.send('welcome'),
    message: (conn, message) => conn.send(message),
  })
  const port = await listen(t, createServer(ws))
  const got: string[] = []
  const closed = deferred<number>()
  const events: EventHandler<number> = {
    open: (conn) => void got.push(`open ${conn.data}`),
    message(conn, message) {
      got.push(message.text())
      if (message.text() === 'welcome') return conn.send('hello')
      return conn.close(4001)
    },
    close: (_conn, report) => closed.resolve(report.code),
  }
  await dial(`ws://127.0.0.1:${port}`, { events, data: 7 })
  assert.equal(await closed.promise, 4001)
  assert.deepEqual(got, ['open 7', 'welcome', 'hello'])
})

test('dial refuses events that are none', async () => {
  for (const events of [{}, { message: 1 }, null, 'message'])
    await assert.rejects(dial('ws://127.0.0.1:1', { events: events as EventHandler }), {
      name: 'TypeError',
      code: 'WS_ERR_ARGUMENT',
      message: /events/,
    })
})
