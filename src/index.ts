/**
 * fastws: WebSockets for Node that let you touch the frames.
 *
 * @module
 */
export {
  type Broadcast,
  type BroadcastCounts,
  type BroadcastOptions,
  broadcast,
  type SlowPolicy,
} from './conn/broadcast.js'
export type { DiagnosticsEvents } from './conn/channels.js'
export type { Clock } from './conn/clock.js'
export type { CompressOptions } from './conn/compress-options.js'
export { Conn } from './conn/conn.js'
export type { EventHandler } from './conn/events.js'
export type { HandshakeRequest } from './conn/handshake-request.js'
export type { Limits, RateLimit } from './conn/limits.js'
export type { Message } from './conn/message.js'
export type { ConnOptions, KeepaliveOptions } from './conn/options.js'
export type { OverOptions } from './conn/over-options.js'
export { type PairOptions, pair } from './conn/pair.js'
export { type Prepared, prepare } from './conn/prepared.js'
export type { MessageReader } from './conn/reader.js'
export type { ReadOptions } from './conn/readers.js'
export type { Sendable, SendOptions, WriteFrameOptions } from './conn/sendable.js'
export type { ConnStats } from './conn/stats.js'
export type { TapCoding, TapEvent, TapFrame, TapListener } from './conn/wire-watch.js'
export type { MessageWriter } from './conn/writer.js'
export {
  type ConnectOptions,
  type DialOptions,
  type DialRequest,
  type DialResponse,
  dial,
  type ProxyOptions,
  type RetryingOptions,
} from './dial.js'
export {
  type Breach,
  CloseError,
  type CloseReport,
  type CloseStatus,
  type ErrorCode,
  HandshakeError,
  ProtocolError,
  WebSocketError,
} from './errors.js'
export { CloseCode } from './frame/close.js'
export { Frame, type FrameInit } from './frame/frame.js'
export { Rsv } from './frame/header.js'
export { Opcode } from './frame/opcode.js'
export { acquireFrame, releaseFrame } from './frame/pool.js'
export type {
  ActiveExtension,
  EncodeHints,
  Extension,
  ExtensionCodec,
  ExtensionParam,
  ExtensionParams,
} from './protocol/extension.js'
export {
  type Accepted,
  type ConnHandler,
  type ErrorContext,
  type Handler,
  type HandshakeOffer,
  type HeaderFields,
  type Refusal,
  reject,
  type ShutdownOptions,
  type Upgrade,
  type UpgradeOptions,
  type UpgradeStats,
  upgrade,
} from './upgrade.js'
