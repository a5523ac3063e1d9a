import type { Duplex } from 'node:stream'
import { StreamTransport } from './stream-transport.js'
import type { Transport } from './transport.js'

/** The best transport there is for a stream, which belongs to it from then on. */
export function openTransport(stream: Duplex): Transport {
  return new StreamTransport(stream)
}
