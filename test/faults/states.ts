import type { Conn } from '../../src/conn/conn.js'
import { closePayload, type RawPeer, type WireFrame } from '../support/index.js'

/** Where a connection stands when its peer goes. */
export interface State {
  /** What the peer sends, all of which is read. */
  readonly sends?: Buffer
  /** Brings the connection into this state. */
  readonly reach?: (peer: RawPeer, conn: Conn) => unknown
  /** How it is reported, when it is not just lost. */
  readonly onReset?: string
  readonly onEnd?: string
}

export const LOST = '1006 remote WS_ERR_SOCKET'
export const ENDED = '1006 remote WS_ERR_EOF'

type Build = (opcode: number, payload?: string | Uint8Array, more?: Partial<WireFrame>) => Buffer

/** What servers and clients have in common; `frame` builds what the peer sends. */
export function statesWith(frame: Build) {
  const text = frame(1, 'hello')
  return {
    'open and idle': {},
    'in the midst of a header': { sends: text.subarray(0, 1) },
    'in the midst of a payload': { sends: text.subarray(0, -3) },
    'in the midst of a long payload': { sends: frame(2, Buffer.alloc(100_000), { length: 900_000 }) },
    'between two fragments': { sends: frame(1, 'hel', { fin: false }) },
    'heard by nobody': { sends: Buffer.concat(Array<Buffer>(10).fill(text)) },
    'told our Close': {
      async reach(peer, conn) {
        void conn.close(4001)
        await peer.readFrame()
      },
      onReset: '1006 local WS_ERR_SOCKET',
      onEnd: '1006 local WS_ERR_EOF',
    },
    'done with its own Close, and our answer': {
      sends: frame(8, closePayload(4002)),
      reach: (peer) => peer.readFrame(),
      onReset: '4002 remote clean',
      onEnd: '4002 remote clean',
    },
  } satisfies Record<string, State>
}
