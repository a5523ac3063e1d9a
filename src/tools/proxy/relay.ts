import type { Socket } from 'node:net'
import type { FrameDirection } from '../annotate.js'
import type { Exchange } from '../recording/exchange.js'
import { roomIn } from '../room.js'
import type { Rewriter } from './rewrite.js'

export interface RelayOptions {
  /** The client's connection, and the one to the target: both are there. */
  readonly near: Socket
  readonly far: Socket
  readonly exchange: Exchange
  readonly rewriter: Rewriter | undefined
  /** Resolves when those who look on can take more; undefined while they can. */
  readonly drained: () => Promise<void> | undefined
  /** Looking at the bytes failed; they are passed on all the same. */
  readonly onBlind: (error: Error) => void
}

/**
 * Passes every byte on, as it is, both ways. A side that is slow slows the other one: nothing is piled up here. Each
 * end is passed on as it came, too: half-closed, or reset.
 */
export function relay(options: RelayOptions): Promise<void> {
  const { near, far, exchange } = options
  let isBlind = false
  const look = (see: () => void): void => {
    if (isBlind) return
    try {
      see()
    } catch (error) {
      isBlind = true
      options.onBlind(error as Error)
    }
  }
  pump({ from: near, to: far, direction: 'sent', look, ...options })
  pump({ from: far, to: near, direction: 'received', look, ...options, rewriter: undefined })
  return Promise.all([gone(near), gone(far)]).then(() => look(() => exchange.end(undefined, 'end')))
}

const gone = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

interface Pump extends RelayOptions {
  readonly from: Socket
  readonly to: Socket
  readonly direction: FrameDirection
  /** Does something that must not stop the bytes, whatever comes of it. */
  readonly look: (see: () => void) => void
}

function pump({ from, to, direction, look, exchange, rewriter, drained }: Pump): void {
  from.on('data', (chunk: Buffer) => {
    const bytes = rewriter?.push(chunk) ?? chunk
    if (bytes.length === 0) return
    const takesMore = to.write(bytes)
    look(() => exchange.push(direction, bytes))
    const waits = drained()
    if (takesMore && waits === undefined) return
    from.pause()
    void Promise.all([takesMore ? undefined : roomIn(to), waits]).then(() => from.resume())
  })
  from.on('end', () => {
    const rest = rewriter?.flush()
    if (rest !== undefined && rest.length > 0) to.write(rest)
    look(() => exchange.end(direction, 'end'))
    to.end()
  })
  from.on('error', (error: NodeJS.ErrnoException) => {
    look(() => exchange.end(direction, error.code ?? error.message))
    breakOff(to)
  })
  from.on('close', () => to.writableEnded || breakOff(to))
}

/** An end that was no proper one is passed on as such. */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}
