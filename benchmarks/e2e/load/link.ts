import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { certificate } from '../certificate.js'
import { checkAccepted, HANDSHAKE, PACKED_HANDSHAKE } from '../wire.js'

/** Where the load goes. */
export interface Target {
  readonly port: number
  readonly tls?: boolean
  /** Speaks no WebSocket, so there is no handshake. */
  readonly raw?: boolean
  /** Asks for compression, and fails without. */
  readonly packed?: boolean
  /** Another address of this machine to come from. */
  readonly from?: string
}

/** All connections are read into the same memory: whoever is told of bytes is done with them when it returns. */
const memory = Buffer.allocUnsafeSlow(256 << 10)

/** One connection, as cheap as Node has them: no stream machinery on the way in, no frames. */
export class Link {
  readonly socket: Socket
  /** Is told of bytes that came in: `bytes[0, length)`. */
  receive: (bytes: Buffer, length: number) => void = () => undefined
  /** Is told once when the connection is gone. */
  onClose: (error: Error | undefined) => void = () => undefined
  #error: Error | undefined

  private constructor(target: Target) {
    const onread = {
      buffer: memory,
      callback: (length: number, bytes: Uint8Array) => {
        this.receive(bytes as Buffer, length)
        return true
      },
    }
    const { port, from } = target
    const place = { port, host: '127.0.0.1', noDelay: true, onread, ...(from && { localAddress: from }) }
    this.socket = target.tls
      ? connectTls({ ...place, ca: certificate.cert, rejectUnauthorized: false })
      : connect(place)
    this.socket.on('error', (error) => {
      this.#error = error
    })
    this.socket.on('close', () => this.onClose(this.#error))
  }

  /** A connection that is open, its handshake done. */
  static open(target: Target): Promise<Link> {
    return new Promise((resolve, reject) => {
      const link = new Link(target)
      link.onClose = (error) => reject(error ?? new Error('The server closed during the handshake'))
      link.socket.once(target.tls ? 'secureConnect' : 'connect', () => {
        if (target.raw) return resolve(link)
        link.#shakeHands(target.packed === true, () => resolve(link), reject)
      })
    })
  }

  #shakeHands(isPacked: boolean, done: () => void, failed: (error: unknown) => void): void {
    let head = ''
    this.receive = (bytes, length) => {
      head += bytes.toString('latin1', 0, length)
      if (!head.includes('\r\n\r\n')) return
      try {
        checkAccepted(head)
        if (isPacked && !/^sec-websocket-extensions: permessage-deflate/im.test(head))
          throw new Error('The server does not compress')
        if (!head.endsWith('\r\n\r\n')) throw new Error('The server spoke before it was asked')
        done()
      } catch (error) {
        failed(error)
      }
    }
    this.socket.write(isPacked ? PACKED_HANDSHAKE : HANDSHAKE)
  }
}

/** Handshakes that are under way at a time. */
const AT_ONCE = 100

/** Opens so many connections, some at a time. */
export async function openLinks(
  count: number,
  target: Target,
  addresses: readonly string[] = [],
): Promise<Link[]> {
  const links: Link[] = []
  let begun = 0
  const openSome = async (): Promise<void> => {
    while (begun < count) {
      const from = addresses[begun++ % Math.max(1, addresses.length)]
      links.push(await Link.open(from === undefined ? target : { ...target, from }))
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, openSome))
  return links
}

/** Cuts connections off: what they were for is over. */
export function drop(links: readonly Link[]): void {
  for (const link of links) {
    link.onClose = () => undefined
    link.socket.destroy()
  }
}
