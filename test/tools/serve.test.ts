import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { dial, HandshakeError } from '../../src/index.js'
import { rawConnect } from '../support/index.js'
import { echoPeers } from './echo.js'
import { serveMain } from './start-main.js'

/** A server for two cases that ends with the test. */
async function serving() {
  const { url, done, notes } = await serveMain('--once', '--cases', '1.1.2,2.1', '--timeout', '60000')
  const ask = async (path: string): Promise<string | undefined> => {
    await using conn = await dial(url + path)
    return (await conn.read())?.text()
  }
  return {
    url,
    ask,
    notes,
    end: async () => {
      await ask('/updateReports')
      return done
    },
  }
}

describe('fastws check --serve', () => {
  test('tells what a client asks about cases', async () => {
    const { ask, url, end } = await serving()
    assert.equal(await ask('/getCaseCount'), '2')
    assert.equal(await ask('/getCaseInfo?case=2'), '{"id":"2.1","description":"Ping without payload"}')
    assert.equal(
      await ask('/getCaseInfo?casetuple=1.1.2'),
      '{"id":"1.1.2","description":"Text of 125 bytes"}',
    )
    assert.equal(await ask('/getCaseStatus?case=1&agent=a'), '{}')
    await echoPeers.ws?.client(`${url}/runCase?casetuple=1.1.2&agent=a`)
    assert.equal(await ask('/getCaseStatus?case=1&agent=a'), '{"behavior":"OK"}')
    assert.equal(await ask('/getCaseStatus?case=1&agent=b'), '{}')
    assert.equal(await end(), 0)
  })

  test('refuses cases and paths that do not exist', async () => {
    const { url, end } = await serving()
    for (const path of ['/runCase?case=3', '/runCase', '/nothing'])
      await assert.rejects(
        dial(url + path),
        (error) => error instanceof HandshakeError && error.status === 404,
      )
    await end()
  })

  test('shows its report to a browser', async () => {
    const { url, end } = await serving()
    const address = url.replace('ws:', 'http:')
    await echoPeers.ws?.client(`${url}/runCase?case=1&agent=a`)
    const page = await fetch(`${address}/`)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /"agent":"a"/)
    assert.equal((await fetch(`${address}/other`)).status, 404)
    await end()
  })

  test('takes no harm from who comes and says nothing, or nonsense', async () => {
    const { url, ask, end } = await serving()
    const port = Number(new URL(url).port)
    const silent = await rawConnect(port)
    silent.socket.destroy()
    const nonsense = connect({ port, host: '127.0.0.1' })
    nonsense.on('error', () => nonsense.destroy())
    nonsense.write(Buffer.alloc(2 << 20, 97))
    const absurd = await rawConnect(port)
    absurd.write(Buffer.from('GET http://[ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await absurd.readToEnd()
    assert.equal(await ask('/getCaseCount'), '2')
    await end()
  })

  test('fails a case whose client goes away', async () => {
    const { url, ask, end } = await serving()
    const peer = await rawConnect(Number(new URL(url).port))
    peer.write(Buffer.from('GET /runCase?case=1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await peer.readUntil('\r\n\r\n')
    peer.socket.destroy()
    while ((await ask('/getCaseStatus?case=1')) === '{}') {
      // The case is still being judged.
    }
    assert.equal(await ask('/getCaseStatus?case=1'), '{"behavior":"FAILED"}')
    assert.equal(await end(), 1)
  })

  test('cannot listen where somebody does', async () => {
    const { url, end } = await serving()
    const second = await serveMain('--serve', new URL(url).port)
    assert.equal(await second.done, 1)
    assert.match(second.notes[0] ?? '', /EADDRINUSE/)
    await end()
  })

  test('tells when the expectation does not fit the client', async () => {
    const { url, done, notes } = await serveMain(
      '--cases',
      '1.1.1',
      '--expect',
      'package.json',
      '--agent',
      'nobody',
    )
    await (await dial(`${url}/updateReports`)).closed
    assert.equal(await done, 2)
    assert.match(notes[1] ?? '', /there is nothing about 'nobody'/)
  })
})
