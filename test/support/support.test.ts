import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import {
  clientFrame,
  deferred,
  FakeClock,
  freePort,
  hex,
  isPending,
  listen,
  once,
  Random,
  rawAnswer,
  rawConnect,
  rawHandshake,
  rawServer,
  refusedPort,
  seeded,
  serverFrame,
  tls,
  toHex,
  wireFrame,
} from './index.js'
import { listenOn } from './raw-socket.js'

test('hex ignores white space and refuses half bytes and foreign digits', () => {
  assert.deepEqual(hex('81 05\n48'), Buffer.of(0x81, 0x05, 0x48))
  assert.throws(() => hex('81 0'), RangeError)
  assert.throws(() => hex('8x'), RangeError)
})

test('wireFrame gives the frames that stand in RFC 6455 §5.7', () => {
  assert.equal(toHex(wireFrame({ opcode: 1, payload: 'Hello' })), '810548656c6c6f')
  assert.equal(toHex(wireFrame({ opcode: 1, payload: 'Hello', mask: 0x37fa213d })), '818537fa213d7f9f4d5158')
  assert.equal(toHex(wireFrame({ opcode: 1, fin: false, payload: 'Hel' })), '010348656c')
  assert.equal(toHex(wireFrame({ opcode: 2, payload: Buffer.alloc(256) }).subarray(0, 4)), '827e0100')
  assert.equal(
    toHex(wireFrame({ opcode: 2, payload: Buffer.alloc(65536) }).subarray(0, 10)),
    '827f0000000000010000',
  )
})

test('wireFrame builds what is wrong when asked to', () => {
  assert.equal(toHex(wireFrame({ opcode: 3, rsv: 7 })), 'f300')
  assert.equal(toHex(wireFrame({ opcode: 2, payload: 'a', lengthBits: 16 })), '827e000161')
  assert.equal(toHex(wireFrame({ opcode: 2, length: 2n ** 63n })), '827f8000000000000000')
})

test('Random gives the same numbers for the same seed, and others for another', () => {
  const draw = (seed: number): Buffer => new Random(seed).bytes(64)
  assert.deepEqual(draw(7), draw(7))
  assert.notDeepEqual(draw(7), draw(8))
})

test('Random.split gives pieces that are the whole, none of them empty', () =>
  seeded((random) => {
    const whole = random.bytes(random.int(0, 200))
    const pieces = random.split(whole)
    assert.deepEqual(Buffer.concat(pieces), whole)
    assert.ok(pieces.every((piece) => piece.length > 0))
  }, 50))

test('seeded names the seed of a run that failed', async () => {
  let seed = 0
  const failing = seeded((random) => {
    seed = random.seed
    assert.fail('broken')
  })
  await assert.rejects(
    failing,
    (error: Error) => error.message === `broken\nrun it again with FASTWS_SEED=${seed}`,
  )
})

test('once gives the first argument, and rejects on error', async () => {
  const emitter = new EventEmitter()
  const waiting = once(emitter, 'news')
  emitter.emit('news', 42)
  assert.equal(await waiting, 42)
  const failing = once(emitter, 'news')
  emitter.emit('error', new Error('no news'))
  await assert.rejects(failing, /no news/)
})

test('isPending tells a promise that waits from one that is settled', async () => {
  const { promise, reject } = deferred()
  assert.equal(await isPending(promise), true)
  reject(new Error('over'))
  assert.equal(await isPending(promise), false)
})

test('FakeClock.advance runs timers in order of their time, those set on the way too', () => {
  const clock = new FakeClock()
  const ran: string[] = []
  const note = (name: string) => () => void ran.push(`${name} at ${clock.now()}`)
  clock.setTimer(note('late'), 30)
  clock.setTimer(() => clock.setTimer(note('nested'), 5), 10)
  clock.setTimer(note('first'), 10)
  clock.clearTimer(clock.setTimer(note('cleared'), 10))
  clock.setTimer(note('beyond'), 41)
  clock.advance(40)
  assert.deepEqual(ran, ['first at 10', 'nested at 15', 'late at 30'])
  assert.equal(clock.now(), 40)
  assert.equal(clock.pending, 1)
})

/** A client and a server, both by hand, with the handshake done. */
async function connected(t: TestContext, secure: boolean) {
  const server = await rawServer(t, secure ? tls : undefined)
  const dialled = rawHandshake(server.port, {
    t,
    path: '/chat',
    headers: { origin: 'http://here', 'X-Twice': ['1', '2'], Host: undefined },
    trailing: clientFrame(1, 'early'),
    ...(secure ? { tls: { ca: tls.ca } } : {}),
  })
  const peer = await server.accept()
  const request = await rawAnswer(peer, { trailing: serverFrame(2, 'greeting') })
  return { peer, request, client: await dialled }
}

for (const [name, secure] of [
  ['TCP', false],
  ['TLS', true],
] as const)
  test(`rawHandshake and rawAnswer shake hands over ${name} and lose nothing behind the head`, async (t) => {
    const { peer, request, client } = await connected(t, secure)
    assert.equal(request.line, 'GET /chat HTTP/1.1')
    assert.equal(request.headers.host, undefined)
    assert.equal(request.headers.origin, 'http://here')
    assert.equal(request.headers['x-twice'], '1, 2')
    assert.equal(client.head.status, 101)
    assert.equal(client.head.headers.upgrade, 'websocket')
    assert.equal((await peer.readFrame()).payload.toString(), 'early')
    const { masked, opcode, payload } = await client.peer.readFrame()
    assert.deepEqual([masked, opcode, payload.toString()], [false, 2, 'greeting'])
  })

test('RawPeer serves reads in call order and keeps what is left', async (t) => {
  const { peer, client } = await connected(t, false)
  await client.peer.readFrame()
  const reads = [client.peer.read(2), client.peer.readUntil('\n'), client.peer.read(1)]
  peer.write('61 62 63')
  peer.writeText('d\ne')
  assert.deepEqual((await Promise.all(reads)).map(String), ['ab', 'cd\n', 'e'])
})

test('RawPeer tells an end from a reset', async (t) => {
  const ending = await connected(t, false)
  await ending.client.peer.readFrame()
  ending.peer.writeText('bye')
  ending.peer.socket.end()
  assert.equal(String(await ending.client.peer.readToEnd()), 'bye')
  await assert.rejects(ending.client.peer.read(1), /Stream ended/)
  ending.client.peer.socket.end()
  assert.equal(await ending.client.peer.closed, undefined)

  const resetting = await connected(t, false)
  await resetting.client.peer.readFrame()
  const socket = resetting.peer.socket as Socket
  socket.resetAndDestroy()
  const error = (await resetting.client.peer.closed) as NodeJS.ErrnoException
  assert.equal(error.code, 'ECONNRESET')
})

test('tls certificates are refused under another authority', async (t) => {
  const server = await rawServer(t, { key: tls.key, cert: tls.cert })
  await assert.rejects(rawConnect(server.port, { t, tls: { ca: tls.strangerCa } }), {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
})

test('listen gives a port and closes the server behind the test', async (t) => {
  const server = createServer((_request, response) => response.end('here'))
  await t.test('while it runs', async (inner) => {
    const response = await fetch(`http://127.0.0.1:${await listen(inner, server)}/`)
    assert.equal(await response.text(), 'here')
  })
  assert.equal(server.listening, false)
})

test('freePort gives a port that can be listened on, another one each time', async (t) => {
  const ports = [await freePort(), await freePort(), await freePort()]
  assert.equal(new Set(ports).size, 3)
  for (const port of ports) {
    const server = createServer()
    t.after(() => server.close())
    assert.equal(await listenOn(server, port), port)
  }
})

test('refusedPort gives a port where nobody listens, that the system does not choose for who connects', async (t) => {
  const port = await refusedPort(t)
  assert.ok(port < 20_000 && port !== (await refusedPort(t)))
  await assert.rejects(rawConnect(port, { t }), { code: 'ECONNREFUSED' })
})
