import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Application } from '../../src/conn/application.js'
import type { Conn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import { openConn } from '../../src/conn/open.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { fixedMask } from '../../src/frame/mask.js'
import type { Role } from '../../src/frame/rules.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import {
  listen,
  once,
  type RawPeer,
  type RawServer,
  rawConnect,
  rawServer,
  type WireFrame,
  wireFrame,
} from '../support/index.js'

/** What a `Conn` in the client's role masks with here, so that its bytes are known. */
const CONN_KEY = 0x01020304
/** What a hand-written client masks with. */
const PEER_KEY = 0x0a0b0c0d

export const ROLES: readonly Role[] = ['server', 'client']

/** A frame as either side may send it; `wrongMask` masks it where it must not be, and the other way round. */
export interface Sent extends Omit<WireFrame, 'mask'> {
  readonly wrongMask?: boolean
}

const encode = (frame: Sent, masked: boolean, key: number): Buffer =>
  wireFrame(masked !== (frame.wrongMask === true) ? { ...frame, mask: key } : frame)

/** The bytes of frames that the peer of a `Conn` in this role sends. */
export const peerBytes = (role: Role, frames: readonly (Sent | Uint8Array)[]): Buffer =>
  Buffer.concat(
    frames.map((frame) => (frame instanceof Uint8Array ? frame : encode(frame, role === 'server', PEER_KEY))),
  )

/** The bytes of frames that a `Conn` in this role sends. */
export const connBytes = (role: Role, frames: readonly Sent[]): Buffer =>
  Buffer.concat(frames.map((frame) => encode(frame, role === 'client', CONN_KEY)))

/** What a link is made with. */
export interface LinkSetup {
  readonly options?: ConnOptions | undefined
  readonly events?: EventHandler | undefined
  /** An extension that both sides have agreed on. */
  readonly extension?: ActiveExtension | undefined
}

/** A `Conn` and its peer, a hand-written one, at the two ends of a TCP connection. */
export interface Link {
  readonly conn: Conn
  readonly peer: RawPeer
}

/**
 * Makes links whose `Conn` has one role, all of them on one server: a `Conn` server with hand-written clients, or the
 * other way round. One link more is there from the beginning, an honest one that nothing may happen to.
 */
export class Bench {
  readonly role: Role
  readonly #open: () => Promise<{ socket: Socket; peer: RawPeer }>
  #witness: Link | undefined
  #asked = 0

  private constructor(role: Role, open: () => Promise<{ socket: Socket; peer: RawPeer }>) {
    this.role = role
    this.#open = open
  }

  static async open(t: TestContext, role: Role): Promise<Bench> {
    const bench = new Bench(role, role === 'server' ? await serverSide(t) : clientSide(t, await rawServer(t)))
    bench.#witness = await bench.link({
      events: { message: (conn, message) => void conn.send(message) },
    })
    return bench
  }

  async link({ options, events, extension }: LinkSetup = {}): Promise<Link> {
    const { socket, peer } = await this.#open()
    const conn = openConn(socket, {
      role: this.role,
      options: resolveConnOptions({ maskSource: fixedMask(CONN_KEY), ...options }),
      application: new Application(events),
      extensions: extension && [extension],
    })
    return { conn, peer }
  }

  /** What the honest connection answers, and what it should: it is served as if nothing had happened. */
  async askWitness(): Promise<{ answered: Buffer; expected: Buffer }> {
    const { peer } = this.#witness!
    const frame = { opcode: 1, payload: `still here ${this.#asked++}` }
    const expected = connBytes(this.role, [frame])
    peer.write(peerBytes(this.role, [frame]))
    return { answered: await peer.read(expected.length), expected }
  }
}

async function serverSide(t: TestContext) {
  const server: Server = createServer({ noDelay: true })
  const port = await listen(t, server)
  return async () => {
    const accepted = once<Socket>(server, 'connection')
    const peer = await rawConnect(port, { t })
    const socket = await accepted
    t.after(() => socket.destroy())
    return { socket, peer }
  }
}

function clientSide(t: TestContext, server: RawServer) {
  return async () => {
    const socket = netConnect(server.port, '127.0.0.1')
    t.after(() => socket.destroy())
    const peer = await server.accept()
    return { socket, peer }
  }
}
