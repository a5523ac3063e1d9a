import { acquireFrame, FrameDecoder } from '../../src/frame/index.js'
import { BINARY, clientMessage, textOf } from '../e2e/wire.js'
import { runWhenStarted, type Twins } from './pairs.js'

interface Decoded {
  readonly opcode: number
  readonly fin: boolean
  readonly payload: Buffer
}

/** Whole frames only, in the order of RFC 6455 §5.2, each with a payload of its own. */
function* naiveFrames(bytes: Buffer): Generator<Decoded> {
  for (let at = 0; at < bytes.length; ) {
    const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)]
    at += 2
    let length = second & 0x7f
    if (length === 126) length = bytes.readUInt16BE(at)
    else if (length === 127) length = Number(bytes.readBigUInt64BE(at))
    at += length < 126 ? 0 : length < 0x10000 ? 2 : 8
    const key = bytes.subarray(at, at + 4)
    const masked = bytes.subarray(at + 4, at + 4 + length)
    yield {
      opcode: first & 15,
      fin: first > 127,
      payload: masked.map((byte, i) => byte ^ key[i % 4]!) as Buffer,
    }
    at += 4 + length
  }
}

const FRAMES = 100

function twinsOf(size: number): Twins {
  const bytes = Buffer.concat(Array(FRAMES).fill(clientMessage(textOf(size), BINARY)))
  const decoder = new FrameDecoder({ role: 'server' })
  const frame = acquireFrame()
  return {
    name: `decode ${FRAMES} frames of ${size} B`,
    fast: () => {
      let sum = 0
      decoder.append(bytes)
      while (decoder.read(frame)) sum += frame.length
      return sum
    },
    naive: () => {
      let sum = 0
      for (const { payload } of naiveFrames(bytes)) sum += payload.length
      return sum
    },
  }
}

export const twins = [twinsOf(0), twinsOf(16), twinsOf(64), twinsOf(1024)]

runWhenStarted(import.meta.filename, twins)
