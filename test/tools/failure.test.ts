import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect, type LookupFunction } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { CloseError, dial, HandshakeError, reject, upgrade } from '../../src/index.js'
import { closedInWords } from '../../src/tools/closed.js'
import { failureLines, failureRecord, isEnd } from '../../src/tools/failure.js'
import { listen, once, refusedPort } from '../support/index.js'

/** Why a server with this answer refuses. */
async function refusal(t: TestContext, body: string): Promise<unknown> {
  const headers = { 'Set-Cookie': ['a=1', 'b=2'], 'Content-Type': 'text/plain' }
  const accept = () => reject(403, { headers, body })
  const port = await listen(t, createServer(upgrade({ message: () => undefined }, { accept })))
  return dial(`ws://127.0.0.1:${port}`).catch((error: unknown) => error)
}

describe('a failure', () => {
  test('is told with every header, and the beginning of the body', async (t) => {
    const error = await refusal(t, `first\r\nsecond${'x'.repeat(700)}\n`)
    const lines = failureLines(error)
    assert.equal(lines[1], '  status 403')
    for (const line of ['  set-cookie: a=1', '  set-cookie: b=2', '  content-type: text/plain', '  first'])
      assert.ok(lines.includes(line), line)
    assert.deepEqual(lines.slice(-2), [`  second${'x'.repeat(600 - 13)}`, '  … 714 bytes in all'])
  })

  test('is told to programs as a whole', async (t) => {
    const { type, code, status, headers, body } = failureRecord(await refusal(t, 'no'))
    assert.deepEqual([type, code, status, body], ['error', 'WS_ERR_HANDSHAKE', 403, 'no'])
    assert.deepEqual((headers as Record<string, unknown>)['set-cookie'], ['a=1', 'b=2'])
  })

  test('names each of several addresses that did not answer', async (t) => {
    const port = await refusedPort(t)
    const lookup: LookupFunction = (_name, _options, done) =>
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ])
    const patient = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 60_000 }
    const socket = connect({ host: 'two.test', port, lookup, ...patient })
    const cause = await once(socket, 'error')
    const error = new HandshakeError('WS_ERR_SOCKET', 'Cannot open', { cause })
    const why = `connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED 127.0.0.2:${port}`
    assert.deepEqual(failureLines(error), [`Cannot open: ${why}`])
    const { status, headers, body, message } = failureRecord(error)
    assert.deepEqual([status, headers, message], [null, {}, `Cannot open: ${why}`])
    assert.equal(body, '')
  })

  test('tells a cause only if it says something new', () => {
    const error = new Error('Cannot read: it is gone', {
      cause: new Error('it is gone', { cause: 'stopped' }),
    })
    assert.deepEqual(failureLines(error), ['Cannot read: it is gone: stopped'])
    assert.deepEqual(failureRecord(error), {
      type: 'error',
      code: null,
      message: 'Cannot read: it is gone: stopped',
      status: null,
      headers: null,
      body: null,
    })
    assert.deepEqual(failureLines(new AggregateError([])), ['AggregateError'])
  })
})

test('the end of a connection is told with what broke it', () => {
  const report = { code: 1006, reason: '', initiator: 'remote', clean: false } as const
  const words = (more: object): string =>
    closedInWords({ ...report, ...more } as Parameters<typeof closedInWords>[0])
  assert.equal(words({}), 'closed without a closing handshake: 1006')
  assert.equal(words({ cause: new Error('gone') }), 'closed without a closing handshake: 1006, gone')
  assert.equal(words({ code: 4000, reason: 'bye', clean: true }), 'closed by the peer: 4000 "bye"')
  assert.equal(isEnd(new Error('gone')), false)
  assert.equal(isEnd(Object.create(CloseError.prototype)), true)
})
