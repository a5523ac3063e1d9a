// HTTP/2: a WebSocket is one stream of a session, beside others (RFC 8441). Its handshake is a CONNECT, answered with 200.
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Conn } from 'fastws'
import { escapeControls } from './escape-controls.js'

/** A browser says which page asks; `upgrade()` would look at that by itself. */
const isWelcome = ({ origin, ':authority': authority }: IncomingHttpHeaders) =>
  origin === undefined || origin.endsWith(`://${authority}`)

function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
  stream.on('error', () => stream.destroy())
  const refuse = (status: number) => stream.respond({ ':status': status }, { endStream: true })
  if (headers[':protocol'] !== 'websocket') return refuse(404)
  if (!isWelcome(headers)) return refuse(403)
  stream.respond({ ':status': 200 })
  echo(Conn.over(stream, { role: 'server' })).catch(console.error)
}

async function echo(conn: Conn) {
  for await (const message of conn) await conn.send(message)
}

/** Opens a WebSocket in a session that there is. */
export async function open(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/',
    ...headers,
  })
  const [{ ':status': status }] = await once(stream, 'response')
  if (status !== 200) throw new Error(`The server answers ${status}`)
  return Conn.over(stream, { role: 'client' })
}

export async function start(port: number) {
  const server = createServer({ settings: { enableConnectProtocol: true } })
  server.on('stream', onStream).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await start(Number(process.env.PORT ?? 8080))
  const session = connect(url)
  await once(session, 'remoteSettings') // the server has to say first that it takes such a CONNECT
  const [ann, bob] = await Promise.all([open(session), open(session)])
  await ann.send('from ann')
  await bob.send('from bob')
  const answers = await Promise.all([ann.read(), bob.read()])
  for (const answer of answers) console.log(`Answered: ${escapeControls(answer?.text() ?? 'nothing')}`)
  await Promise.all([ann.close(), bob.close()])
  session.close()
  close()
  console.log('Two connections, and one session under both')
}
