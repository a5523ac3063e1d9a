import type { CloseReport, Conn, Message } from '../../index.js'
import {
  annotateLine,
  encoded,
  type FrameDirection,
  frameRecord,
  preview,
  type SeenFrame,
} from '../annotate.js'
import { closedInWords } from '../closed.js'
import type { Output } from '../output.js'
import type { Visitor } from './visitor.js'

/** What a server tells of itself. */
export interface Log {
  listening(url: string, mode: string, seed: number | undefined): void
  opened(conn: Conn<Visitor>, path: string): void
  message(id: number, message: Message): void
  frame(id: number, seen: SeenFrame): void
  acted(id: number, message: number, act: string, details: string): void
  closed(visitor: Visitor, conn: Conn<Visitor>, report: CloseReport): void
  stopped(visitors: number, messages: number): void
}

/** What is worth a line. */
export interface LogLevel {
  readonly quiet: boolean
  readonly messages: boolean
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

export function logForPeople(output: Output, { quiet, messages }: LogLevel): Log {
  const line = (id: number, text: string): void => output.line(`#${id} ${text}`)
  return {
    listening(url, mode, seed) {
      output.line(`${mode} at ${url}${seed === undefined ? '' : `, seed ${seed}`}`)
    },
    opened({ data: { id }, remoteAddress, protocol, extensions }, path) {
      const facts = [`open ${path} from ${remoteAddress ?? 'a pipe'}`, protocol, ...extensions]
      if (!quiet) line(id, facts.filter(Boolean).join(', '))
    },
    message(id, { isText, length, data }) {
      if (messages)
        line(id, `${isText ? 'text' : 'binary'} ${plural(length, 'byte')} ${preview(data, isText, 64)}`)
    },
    frame: (id, seen) => line(id, annotateLine(seen)),
    acted(id, message, act, details) {
      if (!quiet) line(id, `message ${message}: ${act}, ${details}`)
    },
    closed({ id, messages, openedAt }, _conn, report) {
      const seconds = ((performance.now() - openedAt) / 1000).toFixed(1)
      if (!quiet) line(id, `${closedInWords(report)}, after ${plural(messages, 'message')} in ${seconds} s`)
    },
    stopped(visitors, messages) {
      output.line(`stopped after ${plural(visitors, 'connection')}, ${plural(messages, 'message')}`)
    },
  }
}

/** One line of JSON for everything; `conn` is the number of the connection. */
export function logAsJson(output: Output, { quiet, messages }: LogLevel, since: () => number): Log {
  const tell = (type: string, facts: Record<string, unknown>): void =>
    output.json({ type, at: Math.round(since() * 10) / 10, ...facts })
  return {
    listening: (url, mode, seed) => tell('listening', { url, mode, seed: seed ?? null }),
    opened({ data: { id }, remoteAddress, protocol, extensions }, path) {
      if (!quiet) tell('open', { conn: id, path, remoteAddress: remoteAddress ?? null, protocol, extensions })
    },
    message(id, { isText, length, data }) {
      if (messages)
        tell('message', { conn: id, kind: isText ? 'text' : 'binary', length, ...encoded(data, isText) })
    },
    frame: (id, seen) => output.json({ ...frameRecord(seen), conn: id }),
    acted(id, message, act, details) {
      if (!quiet) tell('chaos', { conn: id, message, act, details })
    },
    closed({ id, messages, openedAt }, { stats }, { code, reason, clean, initiator }) {
      const duration = Math.round(performance.now() - openedAt)
      const { bytesIn, bytesOut } = stats
      if (!quiet)
        tell('close', { conn: id, code, reason, clean, initiator, messages, bytesIn, bytesOut, duration })
    },
    stopped: (visitors, messages) => tell('stopped', { visitors, messages }),
  }
}

/** Frames as a server sees them: those of the client come in. */
export const directionOf = (direction: 'in' | 'out'): FrameDirection =>
  direction === 'in' ? 'received' : 'sent'
