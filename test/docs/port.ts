import { freePort } from '../support/ports.js'

/** A port that is free, the same one for everything in a process: what documents call 8080. */
export const port = await freePort()
/** Another one, of a server behind the first: what documents call 9000. */
export const port2 = await freePort()
