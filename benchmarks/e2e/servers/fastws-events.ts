import { broadcast, type Conn, type Message, type Upgrade, upgrade } from '../../../src/index.js'
import { type Compress, httpServer, serve, serverOptions, takeoverOf } from './serve.js'

const options = serverOptions()

const onMessage = {
  echo: (conn: Conn, message: Message) => conn.send(message),
  count: (conn: Conn, message: Message) => conn.send(`${message.length}`),
  broadcast: (_conn: Conn, message: Message) => void broadcast(handler.conns, message),
}

const handler: Upgrade = upgrade({ message: onMessage[options.mode] }, limits(options.maxMessage))

function limits(maxMessage: number): object {
  const { compress } = options
  return {
    maxMessage,
    maxFrame: maxMessage,
    maxOutboxBytes: Math.max(4 << 20, 2 * maxMessage),
    compress: compress !== undefined && { ...takeoverOf(compress), ...levelOf(compress) },
  }
}

function levelOf({ level }: Compress): object {
  return level === undefined ? {} : { level }
}

serve(httpServer(options, handler))
