import { createSocket } from 'node:dgram'
import net from 'node:net'
import type { TestContext } from 'node:test'
import { once } from './events.js'
import { listen, listenOn } from './raw-socket.js'

/**
 * Both ranges lie below what systems give away by themselves (Linux from 32768 on, others from 49152), and above what
 * services have.
 */
const REFUSED = { least: 10_000, most: 20_000 } as const
const FREE = { least: 20_000, most: 32_000 } as const

/** Places in a range that are a process's own, before it comes to those of the next one. */
const OWN = 8

let taken = 0

/** The next port to try. Processes that began to look at the same moment, as tests do, look at different ones. */
const nextOf = ({ least, most }: typeof REFUSED | typeof FREE): number =>
  least + ((process.pid * OWN + taken++) % (most - least))

/**
 * Keeps a number to this process as long as it lives: a process with the same places looks elsewhere. Nobody here
 * uses UDP, whose ports are apart from those of TCP.
 */
async function reserve(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref()
  socket.bind({ port, address: '127.0.0.1', exclusive: true })
  return once(socket, 'listening').then(
    () => true,
    () => {
      socket.close()
      return false
    },
  )
}

/**
 * A port of 127.0.0.1 for a program that has to be told one. Nobody else is given it meanwhile: those who ask for any
 * port, as all other tests do, get one from another range.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextOf(FREE)
    if (!(await reserve(port))) continue
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
 * A port of 127.0.0.1 where nobody listens, and nobody will as long as the test runs: it is the near end of a
 * connection, in a range that nobody else takes ports from. One that was listened on, and is no more, may be somebody
 * else's by then. One that the system has chosen may be chosen again for who connects to it: TCP then connects that
 * socket to itself.
 */
export async function refusedPort(t: TestContext): Promise<number> {
  const port = await listen(t, net.createServer())
  for (;;) {
    const localPort = nextOf(REFUSED)
    const socket = net.connect({ port, host: '127.0.0.1', localPort })
    t.after(() => socket.destroy())
    const isOurs = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    if (isOurs) return localPort
  }
}
