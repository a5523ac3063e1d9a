/**
 * The frame layer of fastws: frames and the bytes they are made of, without any I/O.
 *
 * @module
 */
export { type CloseStatus, type ErrorCode, ProtocolError, WebSocketError } from '../errors.js'
export { CloseCode, decodeClosePayload, encodeClosePayload, mayTravel } from './close.js'
export { FrameDecoder, type FrameDecoderOptions } from './decoder.js'
export { encodedSize, encodeFrame, encodeFrameInto } from './encoder.js'
export { Frame, type FrameInit } from './frame.js'
export { acceptFor, createHandshakeKey, isHandshakeKey } from './handshake-key.js'
export { type LengthSize, Rsv } from './header.js'
export { fixedMask, type MaskSource, mask, secureMask } from './mask.js'
export { isControl, isKnownOpcode, Opcode, opcodeName } from './opcode.js'
export { acquireFrame, releaseFrame } from './pool.js'
export type { Role } from './rules.js'
export { isUtf8, Utf8Validator } from './utf8.js'
