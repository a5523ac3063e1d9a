import type { Frame } from '../frame/frame.js'
import type { Role } from '../frame/rules.js'

/** One parameter of an extension, as in `; server_max_window_bits=10`; the value is undefined when there is none. */
export type ExtensionParam = readonly [name: string, value: string | undefined]

/** The parameters of one extension in the order of the header; repeated ones are all there. */
export type ExtensionParams = readonly ExtensionParam[]

/** What was asked for one message; an extension takes what concerns it. */
export interface EncodeHints {
  /** `send(data, { compress })`; undefined leaves it to the extension. */
  readonly compress: boolean | undefined
}

/**
 * An extension at work on one connection. Frames are changed in place. A returned promise holds back the frames behind
 * until it is settled; nothing returned means done. Whatever is thrown fails the connection: a `ProtocolError` with its
 * own close code, anything else with 1011.
 */
export interface ExtensionCodec {
  /**
   * A frame came in: unmasked, control frames too. `limit` is how long the payload may be afterwards. Control frames
   * are seen when they arrive, data frames when their message is read.
   */
  decode?(frame: Frame, limit: number): void | Promise<void>
  /**
   * A frame is about to go out: before it is masked, control frames too. What `writeFrame()` sends is seen by local
   * extensions only: for those that were negotiated it is on the wire already, as what `nextFrame()` gives still is.
   */
  encode?(frame: Frame, hints: EncodeHints): void | Promise<void>
  /**
   * Messages whose first frame has none of the bits of `rsv`, and control frames, need not be seen by `decode()`: those in
   * one frame go past it, which is faster.
   */
  readonly decodesMarked?: boolean
  /** Whether a message of `length` bytes in one frame would be left as it is by `encode()`, which is not called then. */
  skips?(length: number): boolean
  /**
   * Names what `encodeAlone()` makes of a message: connections whose extensions have equal keys, in the same order, can
   * be sent one and the same result. Whatever changes the result, parameters and options, belongs into it.
   */
  readonly aloneKey?: string
  /**
   * Like `encode()`, for a frame that is a whole message and goes to many connections: it is encoded once, from nothing
   * that was sent before on any of them, and changes no state of this one. There where `aloneKey` is.
   */
  encodeAlone?(frame: Frame, hints: EncodeHints): void | Promise<void>
  /**
   * Something that `encode()` has not seen goes out next, in its place among the messages: one from `encodeAlone()`, or
   * a frame of the application's own with a reserved bit. What is encoded later must not build on what was before it.
   */
  forget?(): void
  /** Bytes that are held for this connection, for `maxMemory`; default 0. */
  readonly memory?: number
  /** No message went through for `idleAfter`, or none will any more: let go of memory that can be made again. */
  idle?(): void
  /** Milliseconds without a message after which `idle()` is called; default 30,000, 0 for never. */
  readonly idleAfter?: number
  /** The connection is gone, and what had come in has been read: free what is held. */
  close?(): void
}

/**
 * A WebSocket extension (RFC 6455 §9). With `offer` and `accept` it is negotiated in the handshake; without them it is
 * local to this side, always active and unseen by the peer: a hook on every frame in and out.
 *
 * @example
 * const log: Extension = {
 *   name: 'log',
 *   start: () => ({ decode: (frame) => console.log('in ', String(frame)) }),
 * }
 * upgrade(handler, { extensions: [log] })
 */
export interface Extension {
  /** The token that names it in `Sec-WebSocket-Extensions`. */
  readonly name: string
  /** Reserved bits of data frames that it uses: `Rsv.Rsv1` and so on, added up. Default none. */
  readonly rsv?: number
  /** Client: what to offer, best first. */
  offer?(): readonly ExtensionParams[]
  /** Server: chooses among the client's offers and gives the parameters of the answer; undefined declines. */
  accept?(offers: readonly ExtensionParams[]): ExtensionParams | undefined
  /**
   * Where there is no handshake, as in `pair()` and `Conn.over()`: the parameters that both sides are taken to have
   * agreed on. A negotiated extension without it is not used there.
   */
  assume?(): ExtensionParams
  /** Both: the parameters stand; a client throws here when it cannot take the server's answer, which fails the handshake. */
  start(params: ExtensionParams, role: Role): ExtensionCodec
}

/** An extension that is in use on a connection. */
export interface ActiveExtension {
  /** Its token. */
  readonly name: string
  /** The reserved bits it uses, as in the first byte of a frame. */
  readonly rsv: number
  /** What was agreed on. */
  readonly params: ExtensionParams
  /** What it does with frames. */
  readonly codec: ExtensionCodec
  /** It was not negotiated: it sees every frame, those of `writeFrame()` too. */
  readonly isLocal?: boolean
}
