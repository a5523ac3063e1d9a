/**
 * Frames for people, and for programs: what every tool shows of a frame, it shows like this.
 *
 * `annotateLine()` tells a frame in one line, `annotateLong()` byte by byte, `frameRecord()` as a line of JSON.
 */
import { encodedSize, encodeFrame, type Frame, isUtf8, opcodeName } from '../frame/index.js'
import { escapeControls } from './escape.js'

/** Which way a frame went; 'sent' is from us, or from the client where we are in between. */
export type FrameDirection = 'sent' | 'received'

/** A frame, and what is known of it beyond its bytes. */
export interface SeenFrame {
  readonly frame: Frame
  readonly direction?: FrameDirection | undefined
  /** Milliseconds since the beginning. */
  readonly at?: number | undefined
  /** The frame is a part of a text: what `Continuation` alone does not tell. */
  readonly isText?: boolean | undefined
  /** What the message was before it was compressed, where this frame ends it. */
  readonly inflated?: Buffer | undefined
}

export interface AnnotateOptions {
  /** Bytes of a payload that are shown at most; default 64 in a line, 256 in the long form. */
  readonly shown?: number | undefined
  /** How payloads are shown; 'auto' shows texts as text and everything else in hex. */
  readonly as?: 'auto' | 'text' | 'hex' | undefined
}

const ARROWS: Readonly<Record<FrameDirection, string>> = { sent: '>', received: '<' }

/**
 * When, which way, opcode, bits, masking key, length, payload: all in one line, with whatever a terminal might obey
 * escaped.
 *
 * @example
 * const frame = new Frame({ opcode: Opcode.Close, payload: encodeClosePayload(1000, 'bye') })
 * annotateLine({ frame, direction: 'received', at: 12.34 }) // '     12.3 ms < close fin 5 bytes 1000 "bye"'
 */
export function annotateLine(seen: SeenFrame, { shown = 64, as = 'auto' }: AnnotateOptions = {}): string {
  const { frame, inflated } = seen
  const words = [
    ...whenAndWhere(seen),
    ...headWords(frame),
    payloadInWords(seen, frame.payload, { shown, as }),
    inflated && `inflated ${bytesOf(inflated.length)} ${preview(inflated, isTextual(seen, as), shown)}`,
  ]
  return words.filter(Boolean).join(' ')
}

const whenAndWhere = ({ at, direction }: SeenFrame): readonly (string | undefined)[] => [
  at === undefined ? undefined : `${at.toFixed(1).padStart(9)} ms`,
  direction && ARROWS[direction],
]

function headWords(frame: Frame): readonly (string | false)[] {
  const { length, lengthSize, payload } = frame
  return [
    opcodeName(frame.opcode),
    frame.fin && 'fin',
    frame.rsv1 && 'rsv1',
    frame.rsv2 && 'rsv2',
    frame.rsv3 && 'rsv3',
    frame.masked && `masked ${hexKey(frame)}`,
    bytesOf(length),
    lengthSize !== shortest(length) && `(told in ${lengthSize} bits)`,
    length !== payload.length && `(but ${payload.length} follow)`,
  ]
}

const hexKey = ({ maskKey }: Frame): string => maskKey.toString(16).padStart(8, '0')

const bytesOf = (count: number): string => (count === 1 ? '1 byte' : `${count} bytes`)

const shortest = (length: number): number => (length < 126 ? 7 : length < 0x1_0000 ? 16 : 64)

function payloadInWords(
  seen: SeenFrame,
  payload: Buffer,
  { shown, as }: { readonly shown: number; readonly as: 'auto' | 'text' | 'hex' },
): string {
  if (payload.length === 0) return ''
  if (seen.frame.isClose && payload.length >= 2 && as !== 'hex') return closeInWords(payload, shown)
  // A compressed payload is no text, whatever its opcode says.
  return preview(payload, isTextual(seen, as) && (as === 'text' || !seen.frame.rsv1), shown)
}

/** As long as a reason may be (RFC 6455 §5.5): so much of it is shown, whatever else is shortened. */
const REASON = 123

/** Code and reason of a Close frame with at least a code. */
export function closeInWords(payload: Buffer, shown: number): string {
  const reason = payload.subarray(2)
  if (reason.length === 0) return String(payload.readUInt16BE(0))
  return `${payload.readUInt16BE(0)} ${preview(reason, true, Math.max(shown, REASON))}`
}

function isTextual({ frame, isText }: SeenFrame, as: 'auto' | 'text' | 'hex'): boolean {
  if (as !== 'auto') return as === 'text'
  // Pings mostly carry words or numbers, and sometimes a clock in binary.
  return isText ?? (frame.isControl ? isPlain(frame.payload) : frame.isText)
}

const isPlain = (bytes: Buffer): boolean => bytes.every((byte) => byte >= 0x20 && byte < 0x7f)

/** Bytes as quoted text, or in hex where they are not text; long ones are shortened. */
export function preview(bytes: Buffer, isText: boolean, shown: number): string {
  const more = bytes.length > shown ? '…' : ''
  const cut = bytes.subarray(0, more === '' ? bytes.length : shown)
  const text = isText ? textOf(cut, more !== '') : undefined
  return text === undefined ? `${cut.toString('hex')}${more}` : `${quote(text)}${more}`
}

/** The text of bytes, without a character that was cut at the end; undefined when they are not UTF-8. */
function textOf(bytes: Buffer, isCut: boolean): string | undefined {
  for (let left = 0; left <= (isCut ? 3 : 0) && left <= bytes.length; left++) {
    const whole = bytes.subarray(0, bytes.length - left)
    if (isUtf8(whole)) return whole.toString()
  }
  return undefined
}

/** Text in quotes, on one line, with everything escaped that a terminal might obey. */
export const quote = (text: string): string => escapeControls(JSON.stringify(text))

/**
 * A frame byte by byte: what the first two bytes say, the length, the masking key, and the payload as a dump. The wire's
 * own bytes are on the left.
 */
export function annotateLong(seen: SeenFrame, { shown = 256, as }: AnnotateOptions = {}): readonly string[] {
  const { frame, inflated } = seen
  const bytes = encodeFrame(frame)
  const key = frame.masked ? 4 : 0
  const start = bytes.length - frame.payload.length
  const flags = [frame.rsv1, frame.rsv2, frame.rsv3].map(Number).join('')
  return [
    annotateLine(seen, { as }),
    row(bytes.subarray(0, 1), `fin=${Number(frame.fin)} rsv=${flags} opcode=${frame.opcode}`),
    row(bytes.subarray(1, start - key), `mask=${Number(frame.masked)} length=${frame.length}`),
    ...(frame.masked ? [row(bytes.subarray(start - key, start), 'masking key')] : []),
    ...dump(frame.payload, shown),
    ...(inflated === undefined
      ? []
      : [`    inflated to ${bytesOf(inflated.length)}:`, ...dump(inflated, shown)]),
  ]
}

const row = (bytes: Buffer, words: string): string => `    ${spaced(bytes).padEnd(30)}${words}`

const spaced = (bytes: Buffer): string => bytes.toString('hex').replace(/..(?=.)/g, '$& ')

/** Bytes in rows of 16: offset, hex, and what is plain ASCII. */
export function dump(bytes: Buffer, shown: number): readonly string[] {
  const rows: string[] = []
  for (let at = 0; at < Math.min(bytes.length, shown); at += 16) {
    const part = bytes.subarray(at, Math.min(at + 16, shown))
    const plain = part.toString('latin1').replace(/[^ -~]/g, '.')
    rows.push(`    ${at.toString(16).padStart(6, '0')}  ${spaced(part).padEnd(47)}  ${plain}`)
  }
  return bytes.length > shown ? [...rows, `    … ${bytesOf(bytes.length - shown)} more`] : rows
}

/** A frame as a line of JSON: every field is always there, in this order. */
export interface FrameRecord {
  readonly type: 'frame'
  readonly at: number | null
  readonly direction: FrameDirection | null
  readonly fin: boolean
  readonly rsv1: boolean
  readonly rsv2: boolean
  readonly rsv3: boolean
  readonly opcode: number
  readonly name: string
  /** The masking key in hex; null when the frame was not masked. */
  readonly mask: string | null
  /** The length that the header tells. */
  readonly length: number
  /** In how many bits it tells it. */
  readonly lengthSize: number
  /** Bytes on the wire, header and all. */
  readonly size: number
  /** The unmasked payload: as text when it is one and valid, else in hex. */
  readonly encoding: 'utf8' | 'hex'
  readonly payload: string
  /** Of a Close frame with a code. */
  readonly code: number | null
  readonly reason: string | null
  /** What the message was before it was compressed, where this frame ends it; encoded as its own field tells. */
  readonly inflated: { readonly encoding: 'utf8' | 'hex'; readonly payload: string } | null
}

export function frameRecord(seen: SeenFrame): FrameRecord {
  const { frame, direction, at, isText = frame.isText, inflated } = seen
  const hasCode = frame.isClose && frame.payload.length >= 2
  return {
    type: 'frame',
    at: at === undefined ? null : Math.round(at * 10) / 10,
    direction: direction ?? null,
    fin: frame.fin,
    rsv1: frame.rsv1,
    rsv2: frame.rsv2,
    rsv3: frame.rsv3,
    opcode: frame.opcode,
    name: opcodeName(frame.opcode),
    mask: frame.masked ? hexKey(frame) : null,
    length: frame.length,
    lengthSize: frame.lengthSize,
    size: encodedSize(frame),
    ...encoded(frame.payload, isText && !frame.rsv1),
    code: hasCode ? frame.payload.readUInt16BE(0) : null,
    reason: hasCode ? frame.payload.toString('utf8', 2) : null,
    inflated: inflated === undefined ? null : encoded(inflated, isText),
  }
}

/** Bytes in JSON: `encoding` says whether `payload` is text or hex. */
export const encoded = (bytes: Buffer, isText: boolean): { encoding: 'utf8' | 'hex'; payload: string } =>
  isText && isUtf8(bytes)
    ? { encoding: 'utf8', payload: bytes.toString() }
    : { encoding: 'hex', payload: bytes.toString('hex') }
