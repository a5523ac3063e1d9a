import type { CloseReport, Conn, Message } from '../../index.js'
import { annotateLine, encoded, type FrameDirection, frameRecord, type SeenFrame } from '../annotate.js'
import { closedInWords } from '../closed.js'
import { failureLines, failureRecord } from '../failure.js'
import type { Output } from '../output.js'

/** How binary messages are shown. */
export type BinaryForm = 'hex' | 'base64' | 'text'

/** What the session tells its user. */
export interface Show {
  opened(conn: Conn, url: string): void
  message(message: Message): void
  frame(seen: SeenFrame): void
  /** What compression made of a message. */
  coded(direction: FrameDirection, plain: number, coded: number): void
  pong(roundTrip: number): void
  closed(report: CloseReport): void
  failed(error: unknown): void
  /** Anything else that is worth a line. */
  note(text: string): void
}

const inForm = (bytes: Buffer, form: BinaryForm): string =>
  form === 'text' ? bytes.toString() : bytes.toString(form)

const codedInWords = (direction: FrameDirection, plain: number, coded: number): string =>
  direction === 'sent' ? `${plain} bytes compressed to ${coded}` : `${coded} bytes inflated to ${plain}`

function openedInWords({ protocol, extensions }: Conn, url: string): string {
  return [`connected to ${url}`, protocol && `subprotocol ${protocol}`, ...extensions]
    .filter(Boolean)
    .join(', ')
}

/** For people at a terminal: everything goes above the line that they type. */
export function showToPeople(print: (lines: readonly string[]) => void, binary: BinaryForm): Show {
  return {
    opened: (conn, url) => print([`* ${openedInWords(conn, url)}; /help tells what can be typed`]),
    message(message) {
      if (message.isText) return print([`< ${message.text()}`])
      print([`< (binary, ${message.length}) ${inForm(message.data, binary)}`])
    },
    frame: (seen) => print([annotateLine(seen)]),
    coded: (direction, plain, coded) => print([`* ${codedInWords(direction, plain, coded)}`]),
    pong: (roundTrip) => print([`* pong after ${roundTrip.toFixed(1)} ms`]),
    closed: (report) => print([`* ${closedInWords(report)}`]),
    failed: (error) => print(failureLines(error).map((line) => `* ${line}`)),
    note: (text) => print([`* ${text}`]),
  }
}

/** For pipes: messages are the output, and everything else goes to stderr. */
export function showToPipe(output: Output, binary: BinaryForm, raw: boolean): Show {
  return {
    opened: (conn, url) => output.note(openedInWords(conn, url)),
    message(message) {
      if (raw) output.raw(Buffer.concat([message.data, NEWLINE]))
      else output.line(message.isText ? message.text() : inForm(message.data, binary))
    },
    frame: (seen) => output.note(annotateLine(seen)),
    coded: (direction, plain, coded) => output.note(codedInWords(direction, plain, coded)),
    pong: (roundTrip) => output.note(`pong after ${roundTrip.toFixed(1)} ms`),
    closed: (report) => output.note(closedInWords(report)),
    failed(error) {
      for (const line of failureLines(error)) output.note(line)
    },
    note: (text) => output.note(text),
  }
}

const NEWLINE = Buffer.from('\n')

/** For programs: everything is a line of JSON with a `type`. */
export function showAsJson(output: Output, since: () => number): Show {
  const tell = (type: string, facts: Record<string, unknown>): void =>
    output.json({ type, at: Math.round(since() * 10) / 10, ...facts })
  return {
    opened: ({ protocol, extensions }, url) => tell('open', { url, protocol, extensions }),
    message: ({ isText, length, data }) =>
      tell('message', { kind: isText ? 'text' : 'binary', length, ...encoded(data, isText) }),
    frame: (seen) => output.json(frameRecord(seen)),
    coded: (direction, plain, coded) => tell('coding', { direction, plain, coded }),
    pong: (roundTrip) => tell('pong', { roundTrip }),
    closed: ({ code, reason, clean, initiator, cause }) =>
      tell('close', { code, reason, clean, initiator, cause: cause?.message ?? null }),
    failed: (error) => tell('error', { ...failureRecord(error) }),
    note: (text) => tell('note', { text }),
  }
}
