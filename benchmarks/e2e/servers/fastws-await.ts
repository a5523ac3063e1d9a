import { upgrade } from '../../../src/index.js'
import { httpServer, serve, serverOptions } from './serve.js'

const options = serverOptions()
const { maxMessage } = options

const handler = upgrade(
  async (conn) => {
    for await (const message of conn)
      await conn.send(options.mode === 'count' ? `${message.length}` : message)
  },
  { maxMessage, maxFrame: maxMessage, maxOutboxBytes: Math.max(4 << 20, 2 * maxMessage) },
)

serve(httpServer(options, handler))
