// Very many connections: opened, used a little, closed as the protocol asks for.

import { Replies } from '../replies.js'
import { CLOSE, clientMessage, frameBytes, serverMessage, TEXT, textOf } from '../wire.js'
import { type Link, openLinks, type Target } from './link.js'

export interface MassJob {
  readonly connections: number
  readonly target: Target
  readonly addresses: readonly string[]
}

const NORMAL = Buffer.from([0x03, 0xe8])
const CLOSE_MESSAGE = frameBytes(NORMAL, { opcode: CLOSE, key: 0x1234_5678 })
const CLOSE_REPLY = frameBytes(NORMAL, { opcode: CLOSE })

/** Connections that do one thing after the other, all of them at the same time. */
export class MassLoad {
  readonly #links: readonly Link[]

  private constructor(links: readonly Link[]) {
    this.#links = links
  }

  static async open({ connections, target, addresses }: MassJob): Promise<MassLoad> {
    return new MassLoad(await openLinks(connections, target, addresses))
  }

  /** Each connection sends so many messages of so many bytes, each when the one before has come back. */
  async echo({ times, size }: { times: number; size: number }): Promise<void> {
    const payload = textOf(size)
    const message = clientMessage(payload, TEXT)
    const replies = new Replies(serverMessage(payload, TEXT))
    await Promise.all(this.#links.map((link) => echoTimes(link, times, message, replies)))
  }

  /** The closing handshake on every connection: Close goes there and back, then the server ends TCP (§7.1.1). */
  async close(): Promise<void> {
    await Promise.all(this.#links.map(closePolitely))
  }
}

function echoTimes(link: Link, times: number, message: Buffer, replies: Replies): Promise<void> {
  return new Promise((resolve, reject) => {
    let phase = 0
    let left = times
    link.onClose = (error) => reject(error ?? new Error('The server hung up'))
    link.receive = (bytes, length) => {
      try {
        replies.check(bytes, length, phase)
      } catch (error) {
        return reject(error)
      }
      phase += length
      if (phase < replies.size) return
      phase = 0
      if (--left === 0) resolve()
      else link.socket.write(message)
    }
    link.socket.write(message)
  })
}

function closePolitely(link: Link): Promise<void> {
  return new Promise((resolve, reject) => {
    let reply = ''
    link.receive = (bytes, length) => {
      reply += bytes.toString('latin1', 0, length)
    }
    link.onClose = (error) => {
      if (error === undefined && reply === CLOSE_REPLY.toString('latin1')) resolve()
      else reject(error ?? new Error('The closing handshake was not answered as it should be'))
    }
    link.socket.write(CLOSE_MESSAGE)
  })
}
