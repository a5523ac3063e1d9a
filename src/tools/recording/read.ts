/** Reads recordings: lines of JSON as these tools write them, and HAR as browsers do. */
import { Frame, Opcode } from '../../frame/index.js'
import type { FrameDirection } from '../annotate.js'
import type { Head } from '../check/http-head.js'
import { textLines } from '../text-lines.js'
import { urlOf } from '../url.js'
import type { FrameEvent, WireEvent } from './events.js'

/** The file is no recording, or is broken; the message says where. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError'
}

/** Hears of a last line that is cut off and left out: whoever wrote it was stopped in the middle. */
export type OnCut = (line: number) => void

/** Events in the order they were recorded, each made when it is asked for. */
export function* readRecording(
  text: string,
  onCut: OnCut = () => undefined,
): Generator<WireEvent, void, undefined> {
  const har = asHar(text)
  yield* har === undefined ? readLines(text, onCut) : readHar(har)
}

/** In memory each event is an object: a line of a few bytes takes a hundred times as much. */
const MOST = 2_000_000

/** All events at once, where they have to be; more than `most` are refused. */
export function readWhole(text: string, onCut?: OnCut, most = MOST): WireEvent[] {
  const events: WireEvent[] = []
  for (const event of readRecording(text, onCut)) {
    if (events.length === most) throw new RecordingError(`there are more than ${most} events in it`)
    events.push(event)
  }
  return events
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function numberOf(record: Json, name: string): number {
  const value = record[name]
  if (typeof value !== 'number') throw new RecordingError(`its ${name} is no number`)
  return value
}

/** The log of a HAR; undefined when the text is something else, such as several lines of JSON. */
function asHar(text: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) && isObject(parsed.log) ? parsed.log : undefined
  } catch {
    return undefined
  }
}

function* readLines(text: string, onCut: OnCut): Generator<WireEvent, void, undefined> {
  const reader = new LineReader()
  // A line is written with its end: what stands behind the last end may be a part of one.
  const begin = text.lastIndexOf('\n') + 1
  let [number, read] = [0, 0]
  for (const line of textLines(text.slice(0, begin))) {
    number++
    if (line.trim() === '') continue
    const event = readLine(reader, line, number)
    read++
    if (event !== undefined) yield event
  }
  const last = text.slice(begin)
  if (last.trim() === '') return
  if (read > 0 && !isJson(last)) return onCut(number)
  const event = readLine(reader, last, number)
  if (event !== undefined) yield event
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

function readLine(reader: LineReader, line: string, number: number): WireEvent | undefined {
  try {
    return reader.read(JSON.parse(line))
  } catch (error) {
    throw brokenAt(`line ${number}`, error)
  }
}

const brokenAt = (place: string, error: unknown): RecordingError =>
  new RecordingError(`${place}: ${(error as Error).message}`)

/** A message that is under way in a recording. */
interface Begun {
  readonly isText: boolean
  readonly isCompressed: boolean
  readonly parts: Buffer[]
  isWhole: boolean
}

/** Makes events of records; messages are put together again, as a record holds one frame. */
class LineReader {
  readonly #begun = new Map<string, Begun>()

  /** Undefined for what is of no interest; what later versions may add is among it. */
  read(record: unknown): WireEvent | undefined {
    if (!isObject(record)) throw new RecordingError('this is no record')
    const base = {
      conn: typeof record.conn === 'number' ? record.conn : 1,
      at: typeof record.at === 'number' ? record.at : undefined,
    }
    const direction: FrameDirection = record.direction === 'received' ? 'received' : 'sent'
    const faults = Array.isArray(record.faults) ? record.faults.map(String) : []
    switch (record.type) {
      case 'handshake':
        return {
          type: 'handshake',
          ...base,
          request: headOf(record.request),
          response: headOf(record.response),
          faults,
        }
      case 'frame':
        return this.#frame(record, base, direction, faults)
      case 'stop':
        return {
          type: 'stop',
          ...base,
          direction,
          offset: numberOf(record, 'offset'),
          reason: text(record.reason),
        }
      case 'end': {
        const [sent, received] = [numberOf(record, 'sent'), numberOf(record, 'received')]
        const by = record.direction === null ? undefined : direction
        return { type: 'end', ...base, direction: by, how: text(record.how), sent, received }
      }
      default:
        return undefined
    }
  }

  #frame(
    record: Json,
    base: { conn: number; at: number | undefined },
    direction: FrameDirection,
    faults: readonly string[],
  ): FrameEvent {
    const frame = frameOf(record)
    const isSkipped = record.skipped === true
    const inflated = isObject(record.inflated) ? decoded(record.inflated) : undefined
    const event = { type: 'frame', ...base, direction, frame, faults, isSkipped, inflated } as const
    const offset = typeof record.offset === 'number' ? record.offset : undefined
    if (frame.isControl) return { ...event, offset }
    const begun = this.#begin(`${base.conn} ${direction}`, frame, isSkipped)
    const isText = begun?.isText
    if (!frame.fin || begun === undefined) return { ...event, offset, isText }
    const data = begun.isCompressed ? inflated : Buffer.concat(begun.parts)
    const isWhole = begun.isWhole && data !== undefined
    return { ...event, offset, isText, message: isWhole ? { isText: begun.isText, data } : undefined }
  }

  #begin(key: string, frame: Frame, isSkipped: boolean): Begun | undefined {
    if (!frame.isContinuation)
      this.#begun.set(key, { isText: frame.isText, isCompressed: frame.rsv1, parts: [], isWhole: true })
    const begun = this.#begun.get(key)
    if (begun === undefined) return undefined
    begun.parts.push(frame.payload)
    if (isSkipped) begun.isWhole = false
    if (frame.fin) this.#begun.delete(key)
    return begun
  }
}

function frameOf(record: Json): Frame {
  const frame = new Frame({
    fin: record.fin === true,
    rsv1: record.rsv1 === true,
    rsv2: record.rsv2 === true,
    rsv3: record.rsv3 === true,
    opcode: Number(record.opcode),
    masked: typeof record.mask === 'string',
    maskKey: typeof record.mask === 'string' ? Number.parseInt(record.mask, 16) : 0,
    payload: decoded(record),
  })
  if (typeof record.length === 'number' && record.length !== frame.length) frame.length = record.length
  if (isLengthSize(record.lengthSize) && record.lengthSize !== frame.lengthSize)
    frame.lengthSize = record.lengthSize
  return frame
}

const isLengthSize = (size: unknown): size is 7 | 16 | 64 => size === 7 || size === 16 || size === 64

const decoded = ({ encoding, payload }: Json): Buffer =>
  Buffer.from(text(payload), encoding === 'hex' ? 'hex' : 'utf8')

function headOf(value: unknown): Head | undefined {
  if (!isObject(value)) return undefined
  const headers = Array.isArray(value.headers) ? value.headers : []
  const fields = headers.filter(Array.isArray).map(([name, field]) => [text(name), text(field)] as const)
  return { line: text(value.line), fields }
}

/** Each WebSocket of a HAR is a connection; what the browser left out of it, frames and pings, is not there. */
function readHar(log: Json): WireEvent[] {
  const entries = objects(log.entries).filter((entry) => Array.isArray(entry._webSocketMessages))
  if (entries.length === 0) throw new RecordingError('no entry of this HAR has _webSocketMessages')
  const starts = entries.map((entry) => Date.parse(text(entry.startedDateTime))).filter(Number.isFinite)
  const begin = starts.reduce((least, start) => Math.min(least, start), Infinity)
  const events = entries.flatMap((entry, i) => harEntry(entry, i + 1, begin))
  return events.sort((one, other) => (one.at ?? 0) - (other.at ?? 0))
}

function harEntry(entry: Json, conn: number, begin: number): WireEvent[] {
  const request = isObject(entry.request) ? entry.request : {}
  const url = urlOf(text(request.url))
  const path = url === undefined ? '/' : `${url.pathname}${url.search}`
  const handshake: WireEvent = {
    type: 'handshake',
    conn,
    at: atOf(Date.parse(text(entry.startedDateTime)), begin),
    request: { line: `GET ${path} HTTP/1.1`, fields: harFields(request.headers) },
    response: isObject(entry.response) ? harAnswer(entry.response) : undefined,
    faults: [],
  }
  const messages = objects(entry._webSocketMessages).map((message, i) => {
    try {
      return harMessage(message, conn, begin)
    } catch (error) {
      throw brokenAt(`message ${i + 1} of WebSocket ${conn}`, error)
    }
  })
  return [handshake, ...messages]
}

const harAnswer = ({ status, headers }: Json): Head => ({
  line: `HTTP/1.1 ${typeof status === 'number' ? status : 'unknown'}`,
  fields: harFields(headers),
})

const harFields = (headers: unknown): [string, string][] =>
  objects(headers).map(({ name, value }) => [text(name), text(value)])

const atOf = (time: number, begin: number): number | undefined =>
  Number.isFinite(time) && Number.isFinite(begin) ? time - begin : undefined

function harMessage({ type, time, opcode, data }: Json, conn: number, begin: number): FrameEvent {
  const isText = opcode === Opcode.Text
  const bytes = Buffer.from(text(data), isText ? 'utf8' : 'base64')
  const direction = type === 'receive' ? 'received' : 'sent'
  return {
    type: 'frame',
    conn,
    at: typeof time === 'number' ? atOf(time * 1000, begin) : undefined,
    direction,
    offset: undefined,
    frame: new Frame({ opcode: Number(opcode), masked: direction === 'sent', payload: bytes }),
    faults: [],
    message: { isText, data: bytes },
  }
}
