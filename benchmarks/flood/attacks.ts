// What a hostile peer can do on one connection, each kind of it as fast as it goes.
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { constants, deflateRawSync } from 'node:zlib'
import { BINARY, CONTINUATION, frameBytes, HANDSHAKE, PACKED_HANDSHAKE, TEXT } from '../e2e/wire.js'

const KEY = 0x9d3b_51c6
const PING = 9
const EMPTY = Buffer.alloc(0)

/** A hostile peer's end of one connection after another: where the server closes it, it comes again. */
interface Attacker {
  /** What has been done so far, in whatever the attack counts. */
  readonly done: number
}

export interface Attack {
  readonly title: string
  /** What `done` counts. */
  readonly unit: string
  /** Goes on until the process ends. */
  start(port: number): Attacker
}

const masked = (opcode: number, payload: Buffer = EMPTY, fin = true): Buffer =>
  frameBytes(payload, { opcode, fin, key: KEY })

/** So many copies in a row. */
const repeat = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes))

interface Line {
  readonly socket: net.Socket
  /** The handshake is over. */
  readonly opened: Promise<boolean>
  readonly gone: Promise<void>
}

function connect(port: number, handshake: string, reads = true): Line {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => undefined)
  socket.write(handshake)
  const opened = new Promise<boolean>((resolve) => {
    socket.once('data', () => {
      if (reads) socket.resume()
      else socket.pause()
      resolve(true)
    })
    socket.once('close', () => resolve(false))
  })
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.once('end', () => socket.end())
  return { socket, opened, gone }
}

/** Writes as fast as the server takes it, until it takes no more. */
async function pour({ socket, gone }: Line, bytes: Buffer, onWritten: () => void): Promise<void> {
  let isGone = false
  void gone.then(() => {
    isGone = true
  })
  while (!isGone) {
    if (socket.write(bytes, onWritten)) await turn()
    else await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), gone])
    socket.removeAllListeners('drain')
  }
}

interface Stream {
  /** Sent once, before the rest. */
  readonly first?: Buffer
  readonly bytes: Buffer
  /** How much of `unit` the bytes hold. */
  readonly holds: number
  readonly handshake?: string
  readonly reads?: boolean
}

/** The same bytes again and again, on one connection at a time. */
function streaming(title: string, unit: string, make: () => Stream): Attack {
  return {
    title,
    unit,
    start(port) {
      const { first = EMPTY, bytes, holds, handshake = HANDSHAKE, reads = true } = make()
      const attacker = { done: 0 }
      const attack = async (): Promise<void> => {
        for (;;) {
          const line = connect(port, handshake, reads)
          if (!(await line.opened)) continue
          line.socket.write(first)
          await pour(line, bytes, () => {
            attacker.done += holds
          })
          await turn()
        }
      }
      void attack()
      return attacker
    },
  }
}

/** One connection after another, several at a time. */
function churning(title: string, then: (line: Line) => void): Attack {
  return {
    title,
    unit: 'connections',
    start(port) {
      const attacker = { done: 0 }
      const attack = async (): Promise<void> => {
        for (;;) {
          const line = connect(port, HANDSHAKE)
          if (await line.opened) then(line)
          await line.gone
          attacker.done++
        }
      }
      for (let lane = 0; lane < 8; lane++) void attack()
      return attacker
    },
  }
}

/** A message of nothing but zeros, compressed: a thousandth of its size, if it is large. */
function zeros(size: number): Buffer {
  const packed = deflateRawSync(Buffer.alloc(size), { finishFlush: constants.Z_SYNC_FLUSH })
  return frameBytes(packed.subarray(0, -4), { opcode: BINARY, rsv1: true, key: KEY })
}

const CHUNK = 64 << 10
const MIB = 1 << 20

export const attacks: Readonly<Record<string, Attack>> = {
  pings: streaming('pings without a pause', 'pings', () => {
    const ping = masked(PING)
    const holds = Math.floor(CHUNK / ping.length)
    return { bytes: repeat(ping, holds), holds }
  }),
  'tiny-frames': streaming('messages of one byte', 'messages', () => {
    const message = masked(TEXT, Buffer.from('x'))
    const holds = Math.floor(CHUNK / message.length)
    return { bytes: repeat(message, holds), holds }
  }),
  batches: {
    title: 'messages of one byte, 60 KiB of them when the last have been answered',
    unit: 'messages',
    start(port) {
      const message = masked(TEXT, Buffer.from('x'))
      const holds = Math.floor((60 << 10) / message.length)
      const bytes = repeat(message, holds)
      const answered = holds * frameBytes(Buffer.from('x'), { opcode: TEXT }).length
      const attacker = { done: 0 }
      const attack = async (): Promise<void> => {
        const line = connect(port, HANDSHAKE)
        if (!(await line.opened)) return
        let answers = 0
        line.socket.on('data', ({ length }) => {
          answers += length
          if (answers < answered) return
          answers -= answered
          attacker.done += holds
          line.socket.write(bytes)
        })
        line.socket.write(bytes)
        await line.gone
      }
      void attack()
      return attacker
    },
  },
  'empty-fragments': streaming('messages of 1,000 empty fragments', 'fragments', () => {
    const more = repeat(masked(CONTINUATION, EMPTY, false), 998)
    const message = Buffer.concat([masked(TEXT, EMPTY, false), more, masked(CONTINUATION)])
    return { bytes: repeat(message, 10), holds: 10_000 }
  }),
  'endless-message': streaming('a message in fragments that never ends', 'fragments', () => ({
    first: masked(BINARY, EMPTY, false),
    bytes: repeat(masked(CONTINUATION, Buffer.alloc(1_000), false), 64),
    holds: 64,
  })),
  'large-messages': streaming('messages of 1 MiB', 'messages', () => ({
    bytes: masked(BINARY, Buffer.alloc(MIB, 7)),
    holds: 1,
  })),
  bombs: streaming('compressed messages that would be 64 MiB', 'messages', () => ({
    bytes: zeros(64 * MIB),
    holds: 1,
    handshake: PACKED_HANDSHAKE,
  })),
  packed: streaming('compressed messages of 1 MiB of zeros', 'messages', () => ({
    bytes: zeros(MIB),
    holds: 1,
    handshake: PACKED_HANDSHAKE,
  })),
  'tiny-packed': streaming('compressed messages of one byte', 'messages', () => {
    const message = zeros(1)
    const holds = Math.floor(CHUNK / message.length)
    return { bytes: repeat(message, holds), holds, handshake: PACKED_HANDSHAKE }
  }),
  'slow-reader': streaming('asking for much and reading nothing', 'messages', () => ({
    bytes: repeat(masked(BINARY, Buffer.alloc(CHUNK, 7)), 4),
    holds: 4,
    reads: false,
  })),
  dribble: {
    title: 'a message, byte by byte',
    unit: 'bytes',
    start(port) {
      const attacker = { done: 0 }
      const attack = async (): Promise<void> => {
        for (;;) {
          const line = connect(port, HANDSHAKE)
          if (!(await line.opened)) continue
          line.socket.write(masked(BINARY, Buffer.alloc(MIB)).subarray(0, 14))
          await pour(line, Buffer.of(7), () => {
            attacker.done++
          })
        }
      }
      void attack()
      return attacker
    },
  },
  handshakes: churning('handshakes, each then reset', ({ socket }) => socket.resetAndDestroy()),
  churn: churning('connections that are closed as they should be', ({ socket }) =>
    socket.write(masked(8, Buffer.from([0x03, 0xe8]))),
  ),
  'bad-frames': churning('frames that break the rules', ({ socket }) =>
    socket.write(frameBytes(Buffer.from('x'), { opcode: 3, key: KEY })),
  ),
}
