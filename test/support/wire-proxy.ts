import net from 'node:net'
import type { TestContext } from 'node:test'
import { once } from './events.js'
import { listen } from './raw-socket.js'

/** A wire between a client and a server that can be cut, and tampered with. */
export interface WireProxy {
  readonly port: number
  /** From now on no byte gets through, and nobody is told: as when a cable is pulled. */
  vanish(): void
  /** Puts bytes between those of one side, towards the other. */
  inject(towards: 'client' | 'server', bytes: Uint8Array): void
}

/** Listens on a free port and passes everything on to `target`. */
export async function wireProxy(t: TestContext | undefined, target: number): Promise<WireProxy> {
  const wires: { near: net.Socket; far: net.Socket }[] = []
  let isThere = true
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    wires.push({ near, far })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes: Buffer) => isThere && to.write(bytes))
      from.on('end', () => isThere && to.end())
      from.on('error', () => undefined)
      from.on('close', () => isThere && to.destroy())
      t?.after(() => from.destroy())
    }
  })
  const port = t === undefined ? await listenAlone(server) : await listen(t, server)
  return {
    port,
    vanish() {
      isThere = false
      for (const { near, far } of wires) for (const socket of [near, far]) socket.unref()
    },
    inject(towards, bytes) {
      for (const { near, far } of wires) (towards === 'client' ? near : far).write(bytes)
    },
  }
}

/** Outside of a test: it does not keep the process. */
async function listenAlone(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}
