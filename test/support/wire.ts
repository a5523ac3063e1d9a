/**
 * Frames built and read the slow and obvious way, straight from the picture in RFC 6455 §5.2. Nothing here uses the
 * product: what it sends and what it makes of this are two opinions that must agree.
 */

/** A frame to build. Everything may be wrong on purpose. */
export interface WireFrame {
  readonly opcode: number
  /** Default true. */
  readonly fin?: boolean
  /** The three reserved bits as a number, RSV1 = 4, RSV2 = 2, RSV3 = 1; default 0. */
  readonly rsv?: number
  /** Default empty; a string goes as UTF-8. */
  readonly payload?: string | Uint8Array
  /** A masking key; without one the frame is not masked. */
  readonly mask?: number
  /** The length to claim, when it is not the payload's. */
  readonly length?: number | bigint
  /** How many bits the length takes: 7, 16 or 64; default the fewest. */
  readonly lengthBits?: 7 | 16 | 64
}

/**
 * The bytes of a frame.
 *
 *     wireFrame({ opcode: 1, payload: 'Hello', mask: 0x37fa213d }).toString('hex') // '818537fa213d7f9f4d5158'
 */
export function wireFrame(frame: WireFrame): Buffer {
  const payload = Buffer.from(frame.payload ?? '')
  const length = BigInt(frame.length ?? payload.length)
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65536n ? 16 : 64)
  const maskBit = frame.mask === undefined ? 0 : 0x80
  const first = (frame.fin === false ? 0 : 0x80) | ((frame.rsv ?? 0) << 4) | frame.opcode
  const second = maskBit | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127)
  const extended = Buffer.alloc(bits === 7 ? 0 : bits / 8)
  if (bits === 16) extended.writeUInt16BE(Number(length))
  if (bits === 64) extended.writeBigUInt64BE(length)
  const key = keyBytes(frame.mask)
  return Buffer.concat([Buffer.of(first, second), extended, key, xor(payload, key)])
}

/** What a client sends: a masked frame, with a key that shows in hex. */
export const clientFrame = (
  opcode: number,
  payload: string | Uint8Array = '',
  more: Partial<WireFrame> = {},
): Buffer => wireFrame({ opcode, payload, mask: 0x0a0b0c0d, ...more })

/** What a server sends: a frame without a mask. */
export const serverFrame = (
  opcode: number,
  payload: string | Uint8Array = '',
  more: Partial<WireFrame> = {},
): Buffer => wireFrame({ opcode, payload, ...more })

/** The payload of a Close frame. */
export const closePayload = (code: number, reason = ''): Buffer =>
  Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)])

/** A frame as it was read. */
export interface ReadFrame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly masked: boolean
  /** Without its mask. */
  readonly payload: Buffer
}

/** Reads one frame from whatever hands out so many bytes at a time. */
export async function readWireFrame(read: (count: number) => Promise<Buffer>): Promise<ReadFrame> {
  const start = await read(2)
  const first = start.readUInt8(0)
  const second = start.readUInt8(1)
  const masked = (second & 0x80) !== 0
  const length = await readLength(second & 0x7f, read)
  const key = masked ? await read(4) : Buffer.alloc(0)
  const payload = xor(await read(length), key)
  return { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 15, masked, payload }
}

async function readLength(short: number, read: (count: number) => Promise<Buffer>): Promise<number> {
  if (short === 126) return (await read(2)).readUInt16BE()
  if (short === 127) return Number((await read(8)).readBigUInt64BE())
  return short
}

function keyBytes(key: number | undefined): Buffer {
  if (key === undefined) return Buffer.alloc(0)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(key)
  return bytes
}

/** XOR with a key of four bytes; an empty key changes nothing. */
function xor(bytes: Buffer, key: Buffer): Buffer {
  if (key.length === 0) return bytes
  return Buffer.from(bytes.map((byte, i) => byte ^ key.readUInt8(i % 4)))
}
