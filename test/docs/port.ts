import { createServer } from 'node:net'
import { once } from '../support/index.js'
import { listenOn } from '../support/raw-socket.js'

const probe = createServer()

/** A port that is free, the same one for everything in a process: what documents call 8080. */
export const port = await listenOn(probe)

probe.close()
await once(probe, 'close')
