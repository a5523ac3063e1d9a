/**
 * What tests share. Import from here: `import { hex, rawHandshake } from '../support/index.js'`.
 *
 * - `hex`, `toHex`: bytes as they stand in the RFC
 * - `wireFrame`, `clientFrame`, `serverFrame`, `closePayload`: frames without the product's help, wrong ones too
 * - `rawConnect`, `rawHandshake`: a client written and read by hand; `rawServer`, `rawAnswer`: a server of that kind
 * - `reset`, `tcpOf`: a peer that breaks the connection
 * - `listen`: any server on a free port, closed when the test ends
 * - `freePort`, `refusedPort`: for who has to be told a port, and where nobody listens
 * - `inflateByHand`: inflates without zlib, and tells how far back a stream refers
 * - `seeded`, `Random`: random runs that a printed seed brings back
 * - `FakeClock`: time that moves only when told to
 * - `once`, `deferred`, `turn`, `isPending`: waiting for what happens, never for time to pass
 * - `GUARD`: ends what hangs
 * - `tls`: certificates for localhost and their authority
 */
export { type Deferred, deferred, isPending, once, turn } from './events.js'
export { FakeClock } from './fake-clock.js'
export { GUARD } from './guard.js'
export { hex, toHex } from './hex.js'
export { type Inflated, inflateByHand } from './inflate.js'
export { freePort, refusedPort } from './ports.js'
export { Random, seeded, seededFor } from './random.js'
export {
  acceptKey,
  type RawAnswerOptions,
  type RawHandshake,
  type RawHandshakeOptions,
  type RawHead,
  type RawHeaders,
  rawAnswer,
  rawHandshake,
  readHead,
} from './raw-handshake.js'
export { RawPeer, reset, tcpOf } from './raw-peer.js'
export {
  listen,
  type RawOptions,
  type RawServer,
  type RawTarget,
  rawConnect,
  rawServer,
} from './raw-socket.js'
export { tls } from './tls.js'
export {
  clientFrame,
  closePayload,
  type ReadFrame,
  readWireFrame,
  serverFrame,
  type WireFrame,
  wireFrame,
} from './wire.js'
