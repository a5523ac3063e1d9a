import { outOfRange, wrongType } from '../errors.js'
import { checkPresent } from '../frame/copy.js'
import { bytesOf, endOf, headOf, lendToFrame, setFrame, startOf } from '../frame/frame.js'
import { FIN } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import { isUtf8 } from '../frame/utf8.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Bytes, toBuffer } from './bytes.js'
import { type Codecs, orGiveBack } from './codecs.js'
import { EncodedMessage } from './encoded-message.js'
import { Message, messageBytes, messageEnd, messageStart, useMessage } from './message.js'
import { hintsOf, type SendOptions } from './sendable.js'

type Alone = EncodedMessage | Promise<EncodedMessage>

// What only fastws itself may do with a prepared message. The bodies stand in the static block of the class.

/** The message as it is without extensions. @internal */
export let plainOf: (prepared: Prepared) => EncodedMessage
/** What was asked for when it was prepared. @internal */
export let preparedHints: (prepared: Prepared) => EncodeHints
/**
 * The message as the extensions of a connection make it, once for all connections whose extensions have equal keys;
 * a promise while one of them takes its time. @internal
 */
export let encodedFor: (prepared: Prepared, codecs: Codecs, key: string) => Alone
let newPrepared: (plain: EncodedMessage, hints: EncodeHints) => Prepared

/**
 * A message that is encoded once, and sent as often as you like, on any connection: see `prepare()`. What waits for slow
 * peers is one and the same memory.
 */
export class Prepared {
  readonly #plain: EncodedMessage
  readonly #hints: EncodeHints
  readonly #alone = new Map<string, Alone>()

  /** Use `prepare()`. */
  private constructor(plain: EncodedMessage, hints: EncodeHints) {
    this.#plain = plain
    this.#hints = hints
  }

  /** Whether it goes as text; else it is binary. */
  get isText(): boolean {
    return (this.#plain.head & 0x0f) === Opcode.Text
  }

  /** How many bytes it has. */
  get length(): number {
    return this.#plain.payload.length
  }

  #encodeAlone(codecs: Codecs, key: string): Alone {
    const pending = encodeAlone(this.#plain, codecs, this.#hints)
    this.#alone.set(key, pending)
    if (pending instanceof EncodedMessage) return pending
    // A failure is not kept: it may be the one connection's alone.
    pending.then(
      (encoded) => this.#alone.set(key, encoded),
      () => this.#alone.delete(key),
    )
    return pending
  }

  static {
    plainOf = (prepared) => prepared.#plain
    preparedHints = (prepared) => prepared.#hints
    encodedFor = (prepared, codecs, key) => prepared.#alone.get(key) ?? prepared.#encodeAlone(codecs, key)
    newPrepared = (plain, hints) => new Prepared(plain, hints)
  }
}

/**
 * Prepares a message that goes to many: a string as text, bytes as binary, a message as what it came as. It is encoded
 * here and now, so the bytes may be used again at once, and compressed when it is first sent, once for all connections
 * that agreed on the same parameters. A client masks it anew each time, as it has to (RFC 6455 §5.3).
 *
 * @throws TypeError for anything else, RangeError for bytes sent as text that are not UTF-8.
 *
 * @example
 * const news = prepare(JSON.stringify({ price: 42 }))
 * conn.send(news)
 */
export function prepare(data: string | Bytes | Message, options?: SendOptions): Prepared {
  const hints = hintsOf(options)
  if (typeof data === 'string') return newPrepared(encodeText(data), hints)
  if (data instanceof Message) return newPrepared(encodeMessage(data), hints)
  const bytes = toBuffer(data)
  if (bytes === undefined) throw wrongType('data', 'a string, bytes or a Message', data)
  if (options?.text === true && !isUtf8(bytes)) throw outOfRange('data', 'UTF-8 to be sent as text', bytes)
  return newPrepared(encodeBytes(options?.text === true, bytes, 0, bytes.length), hints)
}

const encodeText = (text: string): EncodedMessage =>
  new EncodedMessage(FIN | Opcode.Text, Buffer.byteLength(text), (into, at) => into.write(text, at))

function encodeMessage(message: Message): EncodedMessage {
  useMessage(message)
  const bytes = messageBytes(message)
  const end = messageEnd(message)
  checkPresent(bytes, end)
  return encodeBytes(message.isText, bytes, messageStart(message), end)
}

const encodeBytes = (isText: boolean, bytes: Buffer, start: number, end: number): EncodedMessage =>
  new EncodedMessage(FIN | (isText ? Opcode.Text : Opcode.Binary), end - start, (into, at) =>
    bytes.copy(into, at, start, end),
  )

function encodeAlone(plain: EncodedMessage, codecs: Codecs, hints: EncodeHints): Alone {
  const frame = acquireFrame()
  setFrame(frame, plain.head, false, 0)
  const own = Buffer.from(plain.payload) // an extension may change the payload where it lies
  lendToFrame(frame, own, 0, own.length)
  const encoded = (): EncodedMessage => {
    const start = startOf(frame)
    const end = endOf(frame)
    const bytes = bytesOf(frame)
    const isChanged = headOf(frame) !== plain.head || plain.payload.compare(bytes, start, end) !== 0
    const result = isChanged
      ? new EncodedMessage(headOf(frame), end - start, (into, at) => bytes.copy(into, at, start, end))
      : plain
    releaseFrame(frame)
    return result
  }
  const pending = orGiveBack([frame], () => codecs.encodeAlone(frame, hints))
  return pending === undefined ? encoded() : pending.then(encoded)
}
