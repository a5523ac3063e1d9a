// The bytes of both sides, made here and not by fastws: a benchmark that used what it measures would find it right.
import { createHash } from 'node:crypto'
import { constants, deflateRawSync } from 'node:zlib'

export const TEXT = 1
export const BINARY = 2
export const CONTINUATION = 0
export const CLOSE = 8

interface FrameShape {
  readonly opcode: number
  /** RSV1: the message is compressed (RFC 7692 §6). */
  readonly rsv1?: boolean
  readonly fin?: boolean
  /** Masks with this key, as clients must. */
  readonly key?: number
}

/** One frame (RFC 6455 §5.2). */
export function frameBytes(payload: Buffer, { opcode, fin = true, rsv1, key }: FrameShape): Buffer {
  const head = [(fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode, ...lengthBytes(payload.length)]
  if (key === undefined) return Buffer.concat([Buffer.from(head), payload])
  head[1]! |= 0x80
  const mask = Buffer.alloc(4)
  mask.writeUInt32BE(key)
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, i) => byte ^ mask[i & 3]!)])
}

function lengthBytes(length: number): number[] {
  if (length < 126) return [length]
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return length < 0x10000 ? [126, ...bytes.subarray(6)] : [127, ...bytes]
}

const KEY = 0x9d3b_51c6

/** A message as a client sends it: one frame, or fragments of so many bytes. */
export function clientMessage(payload: Buffer, opcode: number, fragment = Number.POSITIVE_INFINITY): Buffer {
  if (payload.length <= fragment) return frameBytes(payload, { opcode, key: KEY })
  const frames = []
  for (let at = 0; at < payload.length; at += fragment) {
    const end = Math.min(payload.length, at + fragment)
    const shape = {
      opcode: at === 0 ? opcode : CONTINUATION,
      fin: end === payload.length,
      key: (KEY ^ at) >>> 0,
    }
    frames.push(frameBytes(payload.subarray(at, end), shape))
  }
  return Buffer.concat(frames)
}

/** A message as a client sends it that compresses each for itself: right with and without context takeover. */
export function packedMessage(payload: Buffer, opcode: number): Buffer {
  const packed = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  return frameBytes(packed, { opcode, rsv1: true, key: KEY })
}

/** A message as a server sends it. */
export const serverMessage = (payload: Buffer, opcode: number): Buffer => frameBytes(payload, { opcode })

/** Rows of JSON, cut to so many bytes, the same ones every time. */
export function jsonOf(length: number): Buffer {
  const rows = []
  for (let id = 1; rows.join().length < length; id++) {
    const hash = createHash('sha1').update(`${id}`).digest('hex')
    rows.push(
      JSON.stringify({
        id,
        user: hash.slice(0, 8),
        text: 'changed the price',
        price: id * 37,
        ok: id % 3 > 0,
      }),
    )
  }
  return Buffer.from(`[${rows.join()}`.slice(0, length))
}

/** Letters that look like a text, the same ones every time. */
export function textOf(length: number): Buffer {
  const text = Buffer.alloc(length)
  let state = 12_345
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    text[i] = 97 + ((state >>> 16) % 26)
  }
  return text
}

const HANDSHAKE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const handshakeLines = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${HANDSHAKE_KEY}`,
]
export const HANDSHAKE = `${handshakeLines.join('\r\n')}\r\n\r\n`

/** The same by a client that compresses. */
export const PACKED_HANDSHAKE = [
  ...handshakeLines,
  'Sec-WebSocket-Extensions: permessage-deflate',
  '\r\n',
].join('\r\n')

/** What a server answers to a key (RFC 6455 §4.2.2). */
export const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

const ACCEPT = acceptOf(HANDSHAKE_KEY)

/** Throws unless that head opens a WebSocket for `HANDSHAKE`. */
export function checkAccepted(head: string): void {
  const lines = head.split('\r\n')
  const accept = lines.find((line) => line.toLowerCase().startsWith('sec-websocket-accept:'))
  if (!lines[0]?.startsWith('HTTP/1.1 101 ') || accept?.slice(21).trim() !== ACCEPT)
    throw new Error(`The handshake was refused: ${lines[0]}`)
}
