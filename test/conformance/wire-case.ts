import assert from 'node:assert/strict'
import type { Conn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import type { ConnOptions } from '../../src/conn/options.js'
import { CloseError, type CloseReport, type ErrorCode } from '../../src/errors.js'
import { isPeaceful } from '../../src/frame/close.js'
import type { Role } from '../../src/frame/rules.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import { closePayload, isPending, turn } from '../support/index.js'
import { type Bench, connBytes, type Link, peerBytes, type Sent } from './bench.js'

/** What is written to a `Conn`, and what must come of it: byte for byte on the wire, and to its application. */
export interface WireCase {
  readonly name: string
  readonly options?: ConnOptions
  /** An extension that both sides have agreed on. */
  readonly extension?: ActiveExtension
  /** What the application does first. */
  readonly act?: (conn: Conn) => unknown
  /** What `act` is told when it is refused: misuse leaves no trace on the wire. */
  readonly refused?: { readonly name?: string; readonly code?: ErrorCode | 'WS_ERR_ARGUMENT' | number }
  /** What the peer sends: frames, or bytes as they are. */
  readonly given?: readonly (Sent | Uint8Array)[]
  /** The peer ends TCP behind it. */
  readonly fin?: boolean
  /** Frames that come back, in order, but for the Close frame. Default none. */
  readonly out?: readonly Sent[]
  /** Messages that the application gets; default none. */
  readonly messages?: readonly (string | Buffer)[]
  /** How it ends; left out, the connection goes on. */
  readonly end?: End
}

export interface End {
  /** Payload of the Close frame that goes out last; undefined for no Close frame. */
  readonly close: Buffer | undefined
  readonly report: Pick<CloseReport, 'code' | 'reason' | 'clean' | 'initiator'>
  /** Code of the error behind it. */
  readonly error?: ErrorCode
}

/** The connection is failed (§7.1.7): the peer is told `code`, and which limit it was. */
export const fails = (code: number, error: ErrorCode, reason = ''): End => ({
  close: closePayload(code, reason),
  report: { code, reason, clean: false, initiator: 'local' },
  error,
})

/** The peer's Close frame is answered with the same code (§5.5.1). */
export const answers = (code: number, reason = ''): End => ({
  close: code === 1005 ? Buffer.alloc(0) : closePayload(code, reason),
  report: { code, reason, clean: true, initiator: 'remote' },
})

/** We close with `sent`, the peer answers with `received`. */
export const closes = (sent: number, received = sent, reason = ''): End => ({
  close: closePayload(sent, reason),
  report: { code: received, reason: received === sent ? reason : '', clean: true, initiator: 'local' },
})

/** The connection breaks off without a Close frame of the peer (§7.1.5). */
export const breaks = (sent: number | undefined, initiator: 'local' | 'remote', error: ErrorCode): End => ({
  close: sent === undefined ? undefined : closePayload(sent),
  report: { code: 1006, reason: '', clean: false, initiator },
  error,
})

/** How a case is run: all bytes at once and read with a loop, or byte by byte and taken as events. */
export type Variant = 'at once' | 'byte by byte'
export const VARIANTS: readonly Variant[] = ['at once', 'byte by byte']

/** What the application has seen. */
interface Seen {
  readonly messages: (string | Buffer)[]
  error: unknown
  report: CloseReport | undefined
  done: Promise<void>
}

/** Runs one case on a link of its own. */
export async function runCase(bench: Bench, one: WireCase, variant: Variant): Promise<void> {
  const seen: Seen = { messages: [], error: undefined, report: undefined, done: Promise.resolve() }
  const events = variant === 'at once' ? undefined : asEvents(seen)
  const link = await bench.link({ options: one.options, extension: one.extension, events })
  if (variant === 'at once') seen.done = readAll(link.conn, seen)
  const acted = startActing(one, link.conn)
  await give(bench.role, link, one, variant)
  if (one.end === undefined) await goesOn(bench.role, link, one)
  else await endsRight(bench.role, link, one.end, one.out ?? [])
  await acted
  assert.deepEqual(seen.messages, one.messages ?? [], 'messages')
  if (one.end === undefined) link.peer.destroy()
  const report = await link.conn.closed
  await seen.done
  if (one.end !== undefined) checkReport(one.end, report, seen)
  const { answered, expected } = await bench.askWitness()
  assert.deepEqual(answered, expected, 'another connection on the same server')
}

const asEvents = (seen: Seen): EventHandler => ({
  message: (_conn, message) => void seen.messages.push(message.isText ? message.text() : message.data),
  error: (_conn, error) => {
    seen.error = error
  },
  close: (_conn, report) => {
    seen.report = report
  },
})

async function readAll(conn: Conn, seen: Seen): Promise<void> {
  try {
    for await (const message of conn) seen.messages.push(message.isText ? message.text() : message.data)
  } catch (error) {
    assert.ok(error instanceof CloseError)
    seen.error = error.cause
    seen.report = error.report
  }
  seen.report ??= conn.closeInfo
}

async function startActing(one: WireCase, conn: Conn): Promise<void> {
  const act = async (): Promise<unknown> => one.act?.(conn)
  if (one.refused === undefined) await act()
  else await assert.rejects(act, one.refused)
}

/** Behind a violation comes one good message more, which nobody may see (§7.1.7). */
const AFTER: Sent = { opcode: 1, payload: 'too late' }

async function give(role: Role, { peer }: Link, one: WireCase, variant: Variant): Promise<void> {
  const isFailed = one.end !== undefined && one.end.report.code !== 1006
  const bytes = peerBytes(role, [...(one.given ?? []), ...(isFailed && one.given ? [AFTER] : [])])
  if (variant === 'at once') peer.write(bytes)
  else
    for (const piece of piecesOf(bytes)) {
      peer.write(piece)
      await turn()
    }
  if (one.fin === true) peer.socket.end()
}

/** Single bytes, but for the inside of long payloads. */
function piecesOf(bytes: Buffer): Buffer[] {
  const singles = bytes.length > 400 ? 24 : bytes.length
  const pieces = [...bytes.subarray(0, singles)].map((byte) => Buffer.of(byte))
  return singles === bytes.length ? pieces : [...pieces, bytes.subarray(singles)]
}

/** The answers are right, and a ping is answered behind them. */
async function goesOn(role: Role, { peer }: Link, one: WireCase): Promise<void> {
  const expected = connBytes(role, one.out ?? [])
  assert.deepEqual(await peer.read(expected.length), expected, 'answers')
  const pong = connBytes(role, [{ opcode: 10, payload: 'alive?' }])
  peer.write(peerBytes(role, [{ opcode: 9, payload: 'alive?' }]))
  assert.deepEqual(await peer.read(pong.length), pong, 'the connection goes on, and nothing else came')
}

/** The answers are right, one Close frame follows and nothing else; then TCP ends, on the right side first. */
async function endsRight(role: Role, { conn, peer }: Link, end: End, out: readonly Sent[]): Promise<void> {
  const frames = end.close === undefined ? out : [...out, { opcode: 8, payload: end.close }]
  const expected = connBytes(role, frames)
  assert.deepEqual(await peer.read(expected.length), expected, 'answers and Close')
  const rest = peer.readToEnd()
  if (end.report.clean && role === 'client')
    assert.equal(await isPending(rest), true, 'a client leaves it to the server to end TCP (§7.1.1)')
  else assert.equal((await rest).length, 0, 'nothing behind Close')
  peer.socket.end()
  assert.equal((await rest).length, 0, 'nothing behind Close')
  assert.equal(conn.isOpen, false)
}

function checkReport(end: End, report: CloseReport, seen: Seen): void {
  const { code, reason, clean, initiator } = report
  assert.deepEqual({ code, reason, clean, initiator }, end.report, 'report')
  assert.equal((report.cause as { code?: unknown } | undefined)?.code, end.error, 'cause')
  assert.equal(seen.report, report, 'the application gets the same report')
  assert.equal(seen.error, isPeaceful(code) && !end.error ? undefined : report.cause, 'and the same error')
}
