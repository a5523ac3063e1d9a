import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { handleOf } from './handle.js'
import { HandleTransport } from './handle-transport.js'
import { StreamTransport } from './stream-transport.js'
import type { Transport } from './transport.js'

/** The best transport there is for a stream, which belongs to it from then on. */
export function openTransport(stream: Duplex): Transport {
  const handle = handleOf(stream)
  return handle === undefined ? new StreamTransport(stream) : new HandleTransport(stream as Socket, handle)
}
