import { outOfRange, wrongType } from '../errors.js'
import { FIN, MAX_CONTROL_PAYLOAD } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import { isUtf8 } from '../frame/utf8.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Bytes, copyBytes, toBuffer } from './bytes.js'
import { type Codecs, NO_HINTS } from './codecs.js'
import { Message } from './message.js'
import { checkNames } from './option-names.js'
import type { Prepared } from './prepared.js'

/** What can be sent as one message. Strings go as text, bytes as binary, a stream as what its first chunk is. */
export type Sendable = string | Bytes | Message | Prepared | AsyncIterable<string | Bytes>

/** What can be set for one message. */
export interface SendOptions {
  /** Whether an extension should compress this message; left out, the extension decides. */
  readonly compress?: boolean
  /** Sends bytes as text; they have to be UTF-8. */
  readonly text?: boolean
}

/** What can be set for one frame. */
export interface WriteFrameOptions {
  /**
   * false sends the frame exactly as it is, mask and all, however wrong: for tools. By default it is checked, and
   * masked the way this side has to.
   */
  readonly check?: boolean
}

/** What the options of one message say to the extensions. */
export function hintsOf(options: SendOptions | undefined): EncodeHints {
  if (options === undefined) return NO_HINTS
  checkNames('options', options, { compress: true, text: true })
  for (const name of ['compress', 'text'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw wrongType(`options.${name}`, 'a boolean', options[name])
  return { compress: options.compress }
}

export function isAsyncIterable(data: unknown): data is AsyncIterable<unknown> {
  return (
    typeof data === 'object' &&
    data !== null &&
    typeof (data as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === 'function'
  )
}

/** A message that goes out whole: the first byte of its frame, its bytes, and whether they are nobody else's. */
export function wholeOf(
  data: unknown,
  options: SendOptions | undefined,
  validateText: boolean,
): { head: number; bytes: Buffer; isNew: boolean } {
  const whole = data instanceof Message ? data.data : data
  const isNew = typeof whole === 'string'
  const isText = typeof data === 'string' || (data instanceof Message ? data.isText : options?.text === true)
  const bytes = isNew ? Buffer.from(whole) : toBuffer(whole)
  if (bytes === undefined)
    throw wrongType(
      'data',
      'a string, bytes, a Message, a Prepared or an async iterable of strings or bytes',
      data,
    )
  if (options?.text === true && validateText && !isUtf8(bytes))
    throw outOfRange('data', 'UTF-8 to be sent as text', bytes)
  return { head: FIN | (isText ? Opcode.Text : Opcode.Binary), bytes, isNew }
}

/** A control frame's payload, copied and checked. */
export function controlPayload(data: string | Bytes | undefined): Buffer {
  if (data === undefined) return Buffer.alloc(0)
  const payload = copyBytes(data)
  if (payload === undefined) throw wrongType('payload', 'a string or bytes', data)
  if (payload.length > MAX_CONTROL_PAYLOAD)
    throw outOfRange('payload', `at most ${MAX_CONTROL_PAYLOAD} bytes long (RFC 6455 §5.5)`, payload.length)
  return payload
}

/** How many bytes a message has at most: a character takes three of them. */
export const longestOf = (data: Sendable): number =>
  typeof data === 'string'
    ? data.length * 3
    : ((data as { readonly length?: number } | null)?.length ?? Infinity)

/** Whether no extension changes a message. A character takes three bytes at most: longer text is looked at closely later. */
export function goesPlain(data: Sendable, codecs: Codecs | undefined): boolean {
  if (codecs === undefined) return true
  if (typeof data === 'string') return codecs.skips(data.length * 3)
  return data instanceof Message && codecs.skips(data.length)
}
