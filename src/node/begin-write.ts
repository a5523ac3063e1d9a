// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
// Hot: run benchmarks/e2e before and after any edit.
import { getSystemErrorMap } from 'node:util'
import { type Handle, parts, type Request } from './handle.js'

/** What has become of a write: 0 when all has left, the number of an error, or the request that is under way. */
export type Begun = number | Request

/**
 * Serves every write of every connection that is over when it returns, which is nearly all of them. Null where Node
 * makes a request of its own for the others (26.10 and later).
 */
let spare = newRequest()

export function beginWrite(handle: Handle, bytes: Buffer): Begun {
  return begun(handle.writeBuffer(spare, bytes))
}

export function beginWriteAll(handle: Handle, pieces: readonly Buffer[]): Begun {
  return begun(handle.writev(spare, pieces, true))
}

/**
 * What the kernel took in part may be taken whole when libuv tries again at once: then nothing waits, and the request
 * is under way all the same. So it is the request that is asked.
 */
function begun(result: Begun): Begun {
  if (typeof result === 'object') return isUnderWay(result) ? result : NOT_TAKEN
  if (spare === null || (result === 0 && !isUnderWay(spare))) return result
  const request = spare
  spare = newRequest()
  return result === 0 ? request : result
}

const isUnderWay = (request: Request): boolean => request.getAsyncId() >= 0

/** A stream that is written to behind its end. Node, where it makes the requests, keeps the number to itself. */
const NOT_TAKEN = numberOf('EPIPE')

function newRequest(): Request | null {
  return parts?.WriteRequest === undefined ? null : new parts.WriteRequest()
}

function numberOf(code: string): number {
  const [number] = [...getSystemErrorMap()].find(([, [name]]) => name === code) ?? [-1]
  return number
}
