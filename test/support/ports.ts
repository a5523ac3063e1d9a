import net from 'node:net'
import type { TestContext } from 'node:test'
import { once } from './events.js'
import { listen, listenOn } from './raw-socket.js'

/** Below what systems give away by themselves (Linux from 32768 on, others from 49152), above what services have. */
const [LEAST, MOST] = [20_000, 32_000]

/**
 * A port of 127.0.0.1 for a program that has to be told one. Nobody else is given it meanwhile: those who ask for any
 * port, as all other tests do, get one from another range.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LEAST + Math.floor(Math.random() * (MOST - LEAST))
    const probe = net.createServer()
    const isFree = await listenOn(probe, port).then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}

/**
 * A port of 127.0.0.1 where nobody listens, and nobody can as long as the test runs: it is the near end of a connection.
 * One that was listened on, and is no more, may be somebody else's by then.
 */
export async function refusedPort(t: TestContext): Promise<number> {
  const socket = net.connect(await listen(t, net.createServer()), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket.localPort!
}
