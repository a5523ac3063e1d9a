import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import {
  CloseError,
  type CloseReport,
  HandshakeError,
  outOfRange,
  ProtocolError,
  toError,
  WebSocketError,
  wrongType,
} from '../src/errors.js'

const report: CloseReport = {
  code: 1006,
  reason: '',
  initiator: 'remote',
  clean: false,
  sent: undefined,
  received: undefined,
  cause: undefined,
  breach: undefined,
  lastReceivedAt: 0,
}

test('WebSocketError carries its code, and a cause where there is one', () => {
  const cause = new Error('below')
  const error = new WebSocketError('WS_ERR_SOCKET', 'Cannot send: gone', { cause })
  assert.ok(error instanceof Error)
  assert.deepEqual(
    [error.name, error.code, error.message, error.cause],
    ['WebSocketError', 'WS_ERR_SOCKET', 'Cannot send: gone', cause],
  )
  assert.equal('cause' in new WebSocketError('WS_ERR_EOF', 'x'), false)
})

test('ProtocolError carries the close code that the peer is told', () => {
  const error = new ProtocolError('WS_ERR_UTF8', 1007, 'Text is not UTF-8', { cause: 1 })
  assert.ok(error instanceof WebSocketError)
  assert.deepEqual(
    [error.name, error.code, error.closeCode, error.cause],
    ['ProtocolError', 'WS_ERR_UTF8', 1007, 1],
  )
})

test('HandshakeError carries what the other side answered', () => {
  const body = Buffer.from('no')
  const error = new HandshakeError('WS_ERR_HANDSHAKE', 'Cannot dial: 403', {
    status: 403,
    headers: { via: 'x' },
    body,
    cause: 1,
  })
  assert.ok(error instanceof WebSocketError)
  assert.deepEqual(
    [error.name, error.code, error.status, error.headers, error.body, error.cause],
    ['HandshakeError', 'WS_ERR_HANDSHAKE', 403, { via: 'x' }, body, 1],
  )
})

test('HandshakeError without an answer has no status, no headers and an empty body', () => {
  const error = new HandshakeError('WS_ERR_PROXY', 'Cannot dial')
  assert.deepEqual(
    [error.status, error.headers, error.body.length, 'cause' in error],
    [undefined, {}, 0, false],
  )
})

test('CloseError carries the report, and the error behind it as its cause', () => {
  const error = new CloseError(report)
  assert.ok(error instanceof WebSocketError)
  assert.deepEqual(
    [error.name, error.code, error.reason, error.report, 'cause' in error],
    ['CloseError', 1006, '', report, false],
  )
  assert.equal(error.message, 'Connection was closed by the peer with code 1006')
  const cause = new ProtocolError('WS_ERR_MASK', 1002, 'Frame is not masked')
  const failed = new CloseError({ ...report, code: 1002, reason: 'why', initiator: 'local', cause })
  assert.deepEqual([failed.code, failed.reason, failed.cause], [1002, 'why', cause])
  assert.equal(failed.message, 'Connection was closed by this side with code 1002: Frame is not masked')
})

test('CloseError tells nothing of the reason in its message: it is the peer’s word', () => {
  assert.equal(new CloseError({ ...report, code: 4000, reason: 'secret' }).message.includes('secret'), false)
})

for (const [make, kind] of [
  [wrongType, TypeError],
  [outOfRange, RangeError],
] as const)
  test(`${make.name} makes a ${kind.name} that names the argument`, () => {
    const error = make('maxFrame', 'an integer', 0.5)
    assert.ok(error instanceof kind)
    assert.equal((error as unknown as { code: string }).code, 'WS_ERR_ARGUMENT')
    assert.equal(error.message, 'Cannot use maxFrame 0.5: it must be an integer')
  })

class Named {}
const withoutName = Object.create({ constructor: { name: Symbol('s') } })

const shown: readonly [value: unknown, as: string][] = [
  [5, '5'],
  [-0, '0'],
  [NaN, 'NaN'],
  [10n, '10'],
  [false, 'false'],
  [null, 'null'],
  [undefined, 'undefined'],
  ['secret', '(string)'],
  [Symbol('secret'), '(symbol)'],
  [() => 'secret', '(function)'],
  [{ token: 'secret' }, '(Object)'],
  [{ constructor: { name: 'secret' } }, '(Object)'],
  [['secret'], '(Array)'],
  [Buffer.from('secret'), '(Buffer)'],
  [new Named(), '(Named)'],
  [Object.create(null), '(object)'],
  [new (class {})(), '(object)'],
  [withoutName, '(object)'],
]

test('wrongType shows the kind of a value, and the value itself only where it can hold no secret', () => {
  for (const [value, as] of shown)
    assert.equal(wrongType('x', 'other', value).message, `Cannot use x ${as}: it must be other`)
})

test('toError gives an Error as it is, of another realm too', () => {
  const error = new RangeError('x')
  assert.equal(toError(error), error)
  const foreign: unknown = runInNewContext('new Error("from elsewhere")')
  assert.equal(toError(foreign), foreign)
  const inherited = Object.create(Error.prototype)
  assert.equal(toError(inherited), inherited)
})

test('toError wraps what is no Error, and keeps it as the cause', () => {
  for (const thrown of ['secret', undefined, null, 5, { token: 'secret' }]) {
    const error = toError(thrown)
    assert.ok(error instanceof Error)
    assert.equal(error.cause, thrown)
    assert.equal(error.message.includes('secret'), false)
  }
  assert.equal(toError('x').message, 'Something that is no Error was thrown: (string)')
})

test('toError wraps an Error whose message is no text, or cannot be read', () => {
  const symbol = Object.assign(new Error(), { message: Symbol('secret') })
  const trap = Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('secret')
    },
  })
  for (const thrown of [symbol, trap]) {
    const error = toError(thrown)
    assert.equal(error.cause, thrown)
    assert.equal(error.message, 'Something that is no Error was thrown: (Error)')
  }
})

test('every error is shown by its name and code', () => {
  for (const error of [
    new ProtocolError('WS_ERR_UTF8', 1007, 'm'),
    new HandshakeError('WS_ERR_PROXY', 'm'),
    new CloseError(report),
    new WebSocketError('WS_ERR_EOF', 'm'),
  ]) {
    assert.ok(inspect(error).includes(error.name), inspect(error))
    assert.ok(inspect(error).includes(String(error.code)), inspect(error))
  }
})
