import { createServer } from 'node:net'
import { once } from '../support/index.js'
import { listenOn } from '../support/raw-socket.js'

const probes = [createServer(), createServer()] as const

/** A port that is free, the same one for everything in a process: what documents call 8080. */
export const port = await listenOn(probes[0])
/** Another one, of a server behind the first: what documents call 9000. */
export const port2 = await listenOn(probes[1])

for (const probe of probes) {
  probe.close()
  await once(probe, 'close')
}
