// Shows a browser the frames of its connection, on a second one: on the same one, each shown frame would be a frame to show.
import { type Conn, reject, type TapFrame, upgrade } from 'fastws'

/** Bytes of a payload that are shown. */
const SHOWN = 256
/** A viewer with so much under way misses some frames, and is told how many: it is not to slow the chat down. */
const BEHIND = 256 * 1024

const viewerKey = (url = '') => new URL(url, 'http://localhost').searchParams.get('wire') ?? ''

export class Wire {
  /** Those who look on. Their keys are long random numbers: nobody sees the frames of somebody else. */
  readonly #viewers = new Map<string, Conn>()

  /** Where viewers connect: /wire?wire=key. */
  readonly door = upgrade(
    async (conn) => {
      const key = viewerKey(conn.request?.url)
      this.#viewers.set(key, conn)
      await conn.closed
      if (this.#viewers.get(key) === conn) this.#viewers.delete(key)
    },
    {
      path: '/wire',
      accept: ({ url }) => (viewerKey(url).length < 32 ? reject(400, { body: 'Watch whom?' }) : undefined),
      maxMessage: 1024,
      maxConnections: 500,
    },
  )

  /** Shows every frame of a connection from now on. */
  watch(conn: Conn) {
    const key = viewerKey(conn.request?.url)
    let leftOut = 0
    conn.tap((event) => {
      const viewer = this.#viewers.get(key)
      if (event.kind !== 'frame' || viewer === undefined) return
      if (viewer.bufferedAmount >= BEHIND) leftOut++
      else {
        void viewer.send(JSON.stringify({ ...describe(event), leftOut }))
        leftOut = 0
      }
    })
  }
}

const describe = ({ direction, time, frame }: TapFrame) => ({
  at: time,
  direction,
  fin: frame.fin,
  rsv: [frame.rsv1, frame.rsv2, frame.rsv3].map(Number).join(''),
  opcode: frame.opcode,
  maskKey: frame.masked ? frame.maskKey.toString(16).padStart(8, '0') : null,
  length: frame.length,
  payload: frame.payload.toString('hex', 0, SHOWN),
})
