// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import { createDeflateRaw, createInflateRaw } from 'node:zlib'
import { KeptZlib } from './kept-zlib.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

/** Where engines put what they make at once; its users copy it before anything else runs. */
export const SCRATCH = Buffer.allocUnsafeSlow(64 << 10)

let works: boolean | undefined

/** Whether zlib streams can be written to through their handles; tried out once, with the first stream that is made. */
export function isZlibFast(): boolean {
  works ??= !isOff && roundTrips()
  return works
}

function roundTrips(): boolean {
  const deflater = new KeptZlib(createDeflateRaw({ chunkSize: 64 }), true)
  const inflater = new KeptZlib(createInflateRaw({ chunkSize: 64 }), true)
  try {
    return deflater.isFast && inflater.isFast && twice(deflater, inflater)
  } catch {
    return false
  } finally {
    deflater.close()
    inflater.close()
  }
}

/** The second message refers back to the first, so that the context shows. */
function twice(deflater: KeptZlib, inflater: KeptZlib): boolean {
  const message = Buffer.from('fastws fastws')
  const packed = Buffer.alloc(64)
  const lengths = [0, 0].map(() => {
    deflater.step(message, 0, message.length, packed, 0)
    const { made } = deflater
    const back = Buffer.alloc(64)
    inflater.step(packed, 0, made, back, 0)
    const isSame = inflater.left === 0 && back.subarray(0, inflater.made).equals(message)
    return isSame ? made : 0
  })
  return lengths[1]! > 0 && lengths[1]! < lengths[0]!
}
