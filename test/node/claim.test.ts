import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { describe, test } from 'node:test'
import { claim, isClaimed, isLeftToOthers, listen, register, serverOf } from '../../src/node/claim.js'

/** A server that asks before it upgrades, as Node does from version 22 on, with what it was asked. */
function askingServer(answer: boolean): { server: Server; ask(upgrade: string): boolean } {
  const server = createServer() as Server & { shouldUpgradeCallback: (request: IncomingMessage) => boolean }
  server.shouldUpgradeCallback = () => answer
  const ask = (upgrade: string): boolean =>
    server.shouldUpgradeCallback({ rawHeaders: ['Upgrade', upgrade] } as IncomingMessage)
  return { server, ask }
}

function ourListener(): () => void {
  const listener = (): void => undefined
  register(listener)
  return listener
}

describe('a server that asks before it upgrades', () => {
  test('upgrades to nothing but a WebSocket while only we listen', () => {
    const { server, ask } = askingServer(true)
    listen(server, ourListener())
    assert.deepEqual([ask('websocket'), ask('h2c'), ask('WebSocket, x')], [true, false, true])
  })

  test('leaves other upgrades to others who listen', () => {
    const { server, ask } = askingServer(true)
    listen(server, ourListener())
    server.on('upgrade', () => undefined)
    assert.equal(ask('h2c'), true)
  })

  test('keeps its own no, and is asked once however many of us listen', () => {
    const { server, ask } = askingServer(false)
    listen(server, ourListener())
    const after = (server as { shouldUpgradeCallback?: unknown }).shouldUpgradeCallback
    listen(server, ourListener())
    assert.equal((server as { shouldUpgradeCallback?: unknown }).shouldUpgradeCallback, after)
    assert.equal(ask('websocket'), false)
  })
})

test('listen adds a listener once', () => {
  const server = createServer()
  const listener = ourListener()
  listen(server, listener)
  listen(server, listener)
  assert.deepEqual(server.listeners('upgrade'), [listener])
})

for (const [name, before, after] of [
  ['raises a limit that is too small', 1, 2],
  ['leaves a limit that is large enough', 5, 5],
  ['leaves a server without a limit alone', 0, 0],
] as const)
  test(`listen ${name}`, () => {
    const server = createServer().setMaxListeners(before)
    listen(server, ourListener())
    listen(server, ourListener())
    assert.equal(server.getMaxListeners(), after)
  })

test('claim gives a socket to the first who asks', () => {
  const socket = {}
  assert.deepEqual(
    [isClaimed(socket), claim(socket), claim(socket), isClaimed(socket)],
    [false, true, false, true],
  )
})

test('serverOf knows sockets of servers, and nothing else', () => {
  const server = createServer()
  assert.equal(serverOf({ server }), server)
  assert.equal(serverOf({ server: {} }), undefined)
  assert.equal(serverOf({}), undefined)
  assert.equal(serverOf(undefined), undefined)
})

test('isLeftToOthers leaves a request to another listener, or to the last of ours', () => {
  const server = createServer()
  const request = { socket: { server } } as unknown as IncomingMessage
  const [first, last] = [ourListener(), ourListener()]
  listen(server, first)
  assert.equal(isLeftToOthers(first, request), false)
  listen(server, last)
  assert.deepEqual([isLeftToOthers(first, request), isLeftToOthers(last, request)], [true, false])
  server.on('upgrade', () => undefined)
  assert.deepEqual([isLeftToOthers(first, request), isLeftToOthers(last, request)], [true, true])
  assert.equal(isLeftToOthers(first, { socket: {} } as IncomingMessage), false)
})
