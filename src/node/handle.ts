// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The part of Node that moves the bytes of a connection, below its net.Socket. */
export interface Handle {
  /** Whether the kernel is asked for bytes; kept by whoever asks. */
  reading: boolean
  /** Called when bytes have come, at their end, and on an error. What it returns is read into from then on. */
  onread: (this: Handle, given?: unknown) => Buffer | undefined
  readonly bytesRead: number
  readonly bytesWritten: number
  /** What the kernel has not taken yet. */
  readonly writeQueueSize: number
  useUserBuffer(memory: Buffer): void
  readStart(): number
  readStop(): number
  /**
   * Zero, or the number of an error. What the kernel does not take at once is tried again, until `oncomplete()`. Where
   * Node makes the requests it is given null, and returns the one that is needed then.
   */
  writeBuffer(request: Request | null, bytes: Buffer): number | Request
  /** The same for several; `true` says that they are all Buffers. */
  writev(request: Request | null, pieces: readonly Buffer[], areBuffers: true): number | Request
  /** Sends FIN behind what was written. */
  shutdown(request: Request): number
  close(over: (this: Handle) => void): void
  ref(): void
  unref(): void
  getpeername?(address: Address): number
  getsockname?(address: Address): number
  setNoDelay?(on: boolean): void
  setKeepAlive?(on: boolean, seconds: number): void
  /** Whose it is: at `OWNER`, where Node looks for it, too. */
  [owner: symbol]: unknown
}

/** What a write or an end is made with. It must be left alone while that is under way. */
export interface Request {
  oncomplete: (this: Request, status: number) => void
  /** Below 0 when nothing is under way with it. */
  getAsyncId(): number
  /** Free for whoever writes: the bytes have to be held, for Node holds them by nothing else. */
  owner?: unknown
  held?: Buffer | readonly Buffer[] | undefined
}

export interface Address {
  address?: string
  port?: number
}

/** What a handle tells when it was read and there was nothing: the end, an error, or just nothing. */
export type Silence = Error | 'end' | undefined

/** What Node has and does not hand out. */
export interface Parts {
  /** Undefined where Node makes the requests of writes (26.10 and later). */
  readonly WriteRequest: (new () => Request) | undefined
  readonly EndRequest: new () => Request
  readonly OWNER: symbol
  readonly explainSilence: () => Silence
}

/** A socket that lets us see what Node's own code makes of a read. */
class Witness extends Socket {
  seen: Silence

  override destroy(error?: Error): this {
    this.seen = error
    return this
  }

  override push(chunk: unknown): boolean {
    if (chunk === null) this.seen = 'end'
    return false
  }

  override read(): unknown {
    return null
  }

  override on(): this {
    return this
  }
}

/** Node's own code is given a handle that moves nothing, and shows there how it talks to one. */
function learn(): Parts | undefined {
  let write: Request | null | undefined
  let end: Request | undefined
  const handle = {
    reading: false,
    onread: undefined as unknown,
    readStart: () => 0,
    readStop: () => 0,
    close: () => undefined,
    getAsyncId: () => 1,
    writeBuffer: (request: Request | null) => {
      write = request
      return 0
    },
    shutdown: (request: Request) => {
      end = request
      return 1
    },
  }
  const witness = new Witness({ handle } as ConstructorParameters<typeof Socket>[0])
  witness._write(Buffer.alloc(1), 'buffer' as BufferEncoding, () => undefined)
  witness._final(() => undefined)
  const OWNER = Object.getOwnPropertySymbols(handle).find((key) => Reflect.get(handle, key) === witness)
  const { onread } = handle
  if (write === undefined || end === undefined) return
  if (write !== null && typeof write.getAsyncId !== 'function') return
  if (OWNER === undefined || typeof onread !== 'function') return
  return {
    WriteRequest: write?.constructor as Parts['WriteRequest'],
    EndRequest: end.constructor as Parts['EndRequest'],
    OWNER,
    explainSilence() {
      witness.seen = undefined
      onread.call(handle)
      return witness.seen
    },
  }
}

function learnOrNot(): Parts | undefined {
  try {
    return process.env.FASTWS_PORTABLE === '1' ? undefined : learn()
  } catch {
    return undefined
  }
}

/** Undefined where Node is not what we know, or the off switch is set. */
export const parts = learnOrNot()

const METHODS = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeBuffer',
  'writev',
  'shutdown',
  'close',
  'ref',
  'unref',
]

/** The handle of an open TCP connection or pipe, from and to which nothing is on its way; undefined for any other stream. */
export function handleOf(stream: Duplex): Handle | undefined {
  if (parts === undefined || stream.constructor !== Socket) return undefined
  const { _handle: handle } = stream as unknown as { _handle: Handle | null }
  return handle !== null && isKnown(handle) && isIdle(stream as Socket) ? handle : undefined
}

function isIdle(socket: Socket): boolean {
  if (socket.destroyed || socket.connecting || !socket.readable || !socket.writable) return false
  return socket.readableLength === 0 && socket.writableLength === 0
}

/** Handles of one kind are made alike: it is enough to have looked at one. */
const kinds = new Map<unknown, boolean>()

function isKnown(handle: Handle): boolean {
  const { name } = handle.constructor
  const known = kinds.get(handle.constructor) ?? ((name === 'TCP' || name === 'Pipe') && looksKnown(handle))
  kinds.set(handle.constructor, known)
  return known
}

/** Whether a handle has what it takes, in the form that it is known to have. */
export function looksKnown(handle: Handle): boolean {
  if (typeof handle.bytesRead !== 'number' || typeof handle.writeQueueSize !== 'number') return false
  if (typeof handle.onread !== 'function' || typeof handle.reading !== 'boolean') return false
  return METHODS.every((method) => typeof handle[method as keyof Handle] === 'function')
}

export function addressOf(handle: Handle, question: 'getpeername' | 'getsockname'): Address {
  const address: Address = {}
  handle[question]?.(address)
  return address
}
