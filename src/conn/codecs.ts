import { toError, WebSocketError } from '../errors.js'
import { type Frame, headOf, lendToFrame, packHead, setFrame } from '../frame/frame.js'
import { MAX_CONTROL_PAYLOAD } from '../frame/header.js'
import { isControl } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import type { ActiveExtension, EncodeHints, ExtensionCodec } from '../protocol/extension.js'
import { isPromiseLike } from './events.js'
import { type IdleWatch, watchIdle } from './idle-watch.js'
import { keepFrame } from './plain-message.js'
import { ignore } from './quiet.js'
import type { Timekeeper } from './timekeeper.js'
import type { WireWatch } from './wire-watch.js'

/** Nothing was asked for. */
export const NO_HINTS: EncodeHints = { compress: undefined }

/** The extensions of one connection, as one: frames pass through them in order on the way out, in reverse on the way in. */
export class Codecs {
  readonly #outward: readonly ExtensionCodec[]
  readonly #inward: readonly ExtensionCodec[]
  readonly #local: readonly ExtensionCodec[]
  /**
   * Connections with equal keys can be sent the same encoded message; undefined when one of the extensions has to see
   * every message of its connection.
   */
  readonly aloneKey: string | undefined

  /** Whether messages without a reserved bit have to be decoded, too. */
  readonly decodesAll: boolean
  readonly #watches: readonly IdleWatch[]
  /** Payload bytes of messages that were changed, on the wire and before or after that. */
  codedBytesIn = 0
  plainBytesIn = 0
  codedBytesOut = 0
  plainBytesOut = 0
  /** Told of them, while somebody looks. */
  watch: WireWatch | undefined = undefined

  constructor(extensions: readonly ActiveExtension[], keeper?: Timekeeper) {
    this.#outward = extensions.map((extension) => extension.codec)
    this.#inward = [...this.#outward].reverse()
    this.#local = extensions.filter(({ isLocal }) => isLocal === true).map(({ codec }) => codec)
    this.#watches = keeper === undefined ? [] : watchIdle(this.#outward, keeper)
    this.decodesAll = this.#outward.some(
      (codec) => codec.decode !== undefined && codec.decodesMarked !== true,
    )
    const keys = this.#outward.map((codec) => (codec.encodeAlone === undefined ? undefined : codec.aloneKey))
    this.aloneKey = keys.includes(undefined) ? undefined : keys.join('\n')
  }

  /** Changes a frame back into what the peer's application sent; a promise when one of the extensions takes time. */
  decode(frame: Frame, limit: number): void | Promise<void> {
    if (this.#watches.length > 0) this.#touch(frame)
    const head = headOf(frame)
    const coded = frame.length
    const decoded = (): void => {
      if (headOf(frame) !== head || frame.length !== coded) this.#countIn(head, frame.length, coded)
    }
    return named(() => eachInOrder(this.#inward, (codec) => codec.decode?.(frame, limit)), decoded)
  }

  /** Changes a frame into what goes on the wire. */
  encode(frame: Frame, hints: EncodeHints): void | Promise<void> {
    if (this.#watches.length > 0) this.#touch(frame)
    const head = headOf(frame)
    const plain = frame.length
    const encoded = (): void => {
      if (headOf(frame) !== head || frame.length !== plain) this.countOut(head, plain, frame.length)
    }
    return named(() => eachInOrder(this.#outward, (codec) => codec.encode?.(frame, hints)), encoded)
  }

  /** A message goes out that was changed from so many bytes into so many. */
  countOut(head: number, plain: number, coded: number): void {
    if (isControl(head)) return
    this.plainBytesOut += plain
    this.codedBytesOut += coded
    this.watch?.coded('out', plain, coded)
  }

  #countIn(head: number, plain: number, coded: number): void {
    if (isControl(head)) return
    this.plainBytesIn += plain
    this.codedBytesIn += coded
    this.watch?.coded('in', plain, coded)
  }

  /** Bytes that the extensions hold. */
  get memory(): number {
    let bytes = 0
    for (const codec of this.#outward) bytes += codec.memory ?? 0
    return bytes
  }

  /** Whether a message of so many bytes goes out as it is. */
  skips(length: number): boolean {
    for (const codec of this.#outward)
      if (codec.encode !== undefined && codec.skips?.(length) !== true) return false
    return true
  }

  /** Changes a frame that is a whole message for all connections with the same `aloneKey`. */
  encodeAlone(frame: Frame, hints: EncodeHints): void | Promise<void> {
    return named(() => eachInOrder(this.#outward, (codec) => codec.encodeAlone?.(frame, hints)))
  }

  /** A message that `encode()` has not seen goes out next. */
  forget(): void {
    for (const codec of this.#outward) codec.forget?.()
  }

  /** Shows a frame of the application's own to the local extensions, which may change it. */
  encodeOwn(frame: Frame): void | Promise<void> {
    return named(() => eachInOrder(this.#local, (codec) => codec.encode?.(frame, NO_HINTS)))
  }

  #touch(frame: Frame): void {
    if (!frame.isControl) for (const watch of this.#watches) watch.touch()
  }

  /**
   * The connection is gone. What came in before may still be read, and extensions have to change it back: they are
   * closed when that is done. `report` is told what they throw.
   */
  end(delivery: { whenRead(callback: () => void): void }, report: (thrown: unknown) => void): void {
    for (const watch of this.#watches) watch.stop()
    this.#each(report, (codec) => codec.idle?.())
    delivery.whenRead(() => {
      for (const watch of this.#watches) watch.stop()
      this.#each(report, (codec) => codec.close?.())
    })
  }

  #each(report: (thrown: unknown) => void, step: (codec: ExtensionCodec) => void): void {
    for (const codec of this.#outward) {
      try {
        step(codec)
      } catch (error) {
        report(error)
      }
    }
  }
}

/** Lets extensions work; what they throw by mistake is told as theirs. */
function named(work: () => void | Promise<void>, done: () => void = ignore): void | Promise<void> {
  let pending: void | Promise<void>
  try {
    pending = work()
  } catch (thrown) {
    failedIn(thrown)
  }
  return pending === undefined ? done() : pending.then(done, failedIn)
}

function failedIn(thrown: unknown): never {
  if (thrown instanceof WebSocketError) throw thrown
  const error = toError(thrown)
  throw new WebSocketError('WS_ERR_EXTENSION', `An extension failed: ${error.message}`, { cause: error })
}

/** Takes a step with frames of the pool. When it fails, at once or later, nobody has them any more: they go back. */
export function orGiveBack<T>(frames: readonly Frame[], step: () => T | Promise<T>): T | Promise<T> {
  const failed = (error: unknown): never => {
    for (const frame of frames) if (!frame.isReleased) releaseFrame(frame)
    throw error
  }
  try {
    const result = step()
    return isPromiseLike(result) ? (result as Promise<T>).then(undefined, failed) : result
  } catch (error) {
    return failed(error)
  }
}

/** An extension made a control frame longer than RFC 6455 §5.5 allows. */
const controlTooLong = (where: string): WebSocketError =>
  new WebSocketError(
    'WS_ERR_EXTENSION',
    `Cannot use a control frame that ${where} of an extension made longer than ${MAX_CONTROL_PAYLOAD} bytes`,
  )

const heldBack = (): WebSocketError =>
  new WebSocketError('WS_ERR_EXTENSION', 'Cannot hold back a control frame: encode() gave a promise')

/** Takes the items one after the other; asynchronous only from the first step that is. */
export function eachInOrder<T>(
  items: readonly T[],
  step: (item: T) => void | Promise<void>,
  from = 0,
): void | Promise<void> {
  for (let i = from; i < items.length; i++) {
    const pending = step(items[i]!)
    // A hook may give back anything, as `(frame) => list.push(frame)` does: only a promise holds things up.
    if (isPromiseLike(pending)) return pending.then(() => eachInOrder(items, step, i + 1))
  }
}

/**
 * The payload of a control frame that came in, as the extensions give it. Such frames are answered at once: an extension
 * cannot hold them back, only look at them and change them. The frame is released.
 */
function decodeControl(codecs: Codecs, frame: Frame, fail: (error: unknown) => void): Buffer {
  const pending = orGiveBack([frame], () => codecs.decode(frame, MAX_CONTROL_PAYLOAD))
  const payload = frame.copyPayload()
  if (pending === undefined) releaseFrame(frame)
  else pending.then(() => releaseFrame(frame)).catch(fail)
  if (payload.length > MAX_CONTROL_PAYLOAD) throw controlTooLong('decode()')
  return payload
}

/** The payload of a control frame that came in. The frame serves all connections, and an extension may keep what it is given. */
export function controlPayload(
  codecs: Codecs | undefined,
  frame: Frame,
  owned: boolean,
  host: { fail(error: unknown): void },
): Buffer {
  if (codecs === undefined) return frame.copyPayload()
  return decodeControl(codecs, keepFrame(frame, owned), (error) => host.fail(error))
}

/** The payload of a control frame as the extensions want it; throws when they break a rule. */
export function encodeControl(codecs: Codecs, opcode: number, payload: Buffer): Buffer {
  const frame = acquireFrame()
  setFrame(frame, packHead(true, 0, opcode), false, 0)
  lendToFrame(frame, payload, 0, payload.length)
  const pending = orGiveBack([frame], () => codecs.encode(frame, NO_HINTS))
  const encoded = frame.copyPayload()
  if (pending !== undefined) {
    pending.then(() => releaseFrame(frame), ignore)
    throw heldBack()
  }
  releaseFrame(frame)
  if (encoded.length > MAX_CONTROL_PAYLOAD) throw controlTooLong('encode()')
  return encoded
}
