// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import type { Duplex } from 'node:stream'

const isOff = process.env.FASTWS_PORTABLE === '1'

/**
 * How many bytes the kernel has not taken yet, where a socket tells; else Infinity. A stream counts a large write as
 * waiting until the last byte of it has left: whether the peer takes any meanwhile shows here only.
 */
export function queuedIn(stream: Duplex): number {
  if (isOff) return Infinity
  const { _handle: handle } = stream as { _handle?: { writeQueueSize?: unknown } | null }
  const size = handle?.writeQueueSize
  return typeof size === 'number' && size > 0 ? size : Infinity
}
