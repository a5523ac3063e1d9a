// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import { createDeflateRaw, createInflateRaw } from 'node:zlib'
import { KeptZlib } from './kept-zlib.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

/** Where engines put what they make at once; its users copy it before anything else runs. */
export const SCRATCH = Buffer.allocUnsafeSlow(64 << 10)

let works: boolean | undefined

/** Whether zlib streams can be written to through their handles; tried out once, with the first stream that is made. */
export function isZlibFast(): boolean {
  works ??= !isOff && handlesWork(true)
  return works
}

/** Compresses and inflates two messages. Whatever is not as it was when this was written tells in an error. */
export function handlesWork(usesHandle: boolean): boolean {
  const deflater = new KeptZlib(createDeflateRaw({ chunkSize: 64 }), usesHandle)
  const inflater = new KeptZlib(createInflateRaw({ chunkSize: 64 }), usesHandle)
  try {
    const first = trip(deflater, inflater)
    const second = trip(deflater, inflater)
    // The second message refers back to the first: the context shows.
    const found = [first.back, second.back, second.packed < first.packed]
    return found.join() === [MESSAGE, MESSAGE, true].join()
  } catch {
    return false
  } finally {
    deflater.close()
    inflater.close()
  }
}

const MESSAGE = 'fastws fastws'

/** What comes back of a message, and how long it was on the way. */
function trip(deflater: KeptZlib, inflater: KeptZlib): { back: string; packed: number } {
  const message = Buffer.from(MESSAGE)
  const packed = Buffer.alloc(64)
  const back = Buffer.alloc(64)
  deflater.step(message, 0, message.length, packed, 0)
  inflater.step(packed, 0, deflater.made, back, 0)
  return { back: back.toString('latin1', 0, inflater.made), packed: deflater.made }
}
