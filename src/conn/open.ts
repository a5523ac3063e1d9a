import type { Duplex } from 'node:stream'
import { openTransport } from '../node/open-transport.js'
import { type Conn, startConn } from './conn.js'
import type { ConnSetup } from './setup.js'

/** Makes a socket whose handshake is done a connection; it is the connection's from then on. */
export function openConn<Data>(socket: Duplex, setup: ConnSetup<Data>): Conn<Data> {
  return startConn(openTransport(socket), setup)
}
