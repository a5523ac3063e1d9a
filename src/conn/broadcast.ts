import { outOfRange, wrongType } from '../errors.js'
import type { Bytes } from './bytes.js'
import { Conn, failConn, outboxOf } from './conn.js'
import type { Message } from './message.js'
import { checkNames, type OptionNames } from './option-names.js'
import { tooSlow } from './outbox-full.js'
import { Prepared, prepare } from './prepared.js'
import { RESOLVED } from './quiet.js'
import type { SendOptions } from './sendable.js'

/**
 * What happens to peers that do not take what they are sent: more than `highWaterMark` bytes wait for them, behind the
 * write that is under way.
 *
 * - `'wait'` sends to them, too; whoever awaits the broadcast waits for them.
 * - `'skip'` leaves them out.
 * - `'close'` closes them with 1013.
 */
export type SlowPolicy = 'wait' | 'skip' | 'close'

/** What can be set for one broadcast. */
export interface BroadcastOptions extends SendOptions {
  /** What happens to slow peers; default `'wait'`. */
  readonly slow?: SlowPolicy
  /** Who does not get it: in a chat, whoever said it. */
  readonly except?: Conn | undefined
}

/** How many connections a message went to, and why not to the others. */
export interface BroadcastCounts {
  /** It is on its way. */
  readonly sent: number
  /** Left out, because they are slow. */
  readonly skipped: number
  /** Closed with 1013: because they are slow, or because their outbox is full. */
  readonly closed: number
  /** Had ended before, or were about to. */
  readonly gone: number
}

/**
 * The counts, as soon as `broadcast()` returns. As a promise it resolves with them, with `slow: 'wait'` when there is
 * room for more at every connection; it never rejects.
 */
export interface Broadcast extends Promise<BroadcastCounts>, BroadcastCounts {}

const BROADCAST_OPTIONS: OptionNames<BroadcastOptions> = {
  slow: true,
  except: true,
  compress: true,
  text: true,
}

/**
 * Sends one message to many connections. It is encoded once, and compressed once for all that agreed on the same
 * parameters; what waits for slow peers is one and the same memory. Connections that have ended are no error.
 *
 * @throws TypeError when one of them is no connection, or the data cannot be sent; nothing is sent then.
 *
 * @example
 * const chat = upgrade(async (conn) => {
 *   for await (const message of conn) broadcast(chat.conns, message, { except: conn, slow: 'skip' })
 * })
 */
export function broadcast(
  conns: Iterable<Conn>,
  data: string | Bytes | Message | Prepared,
  options: BroadcastOptions = {},
): Broadcast {
  checkNames('options', options, BROADCAST_OPTIONS)
  const { slow = 'wait', except, ...sendOptions } = options
  if (slow !== 'wait' && slow !== 'skip' && slow !== 'close')
    throw outOfRange('options.slow', "'wait', 'skip' or 'close'", slow)
  if (except !== undefined) checkConn('options.except', except)
  const targets = connsOf(conns)
  const round = new Round(prepared(data, sendOptions), slow)
  for (const conn of targets) if (conn !== except) round.send(conn)
  return round.end()
}

/** All of them at once: what is sent may change the set they come from. */
function connsOf(conns: Iterable<unknown>): readonly Conn[] {
  if (typeof (conns as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] !== 'function')
    throw wrongType('conns', 'an iterable of connections', conns)
  const targets = [...conns]
  for (const conn of targets) checkConn('conns', conn)
  return targets as Conn[]
}

function checkConn(argument: string, conn: unknown): void {
  if (!(conn instanceof Conn))
    throw wrongType(argument, argument === 'conns' ? 'connections only' : 'a Conn', conn)
}

function prepared(data: string | Bytes | Message | Prepared, options: SendOptions): Prepared {
  if (!(data instanceof Prepared)) return prepare(data, options)
  for (const [name, value] of Object.entries(options))
    if (value !== undefined)
      throw outOfRange(`options.${name}`, 'given to prepare(), as the data is prepared', value)
  return data
}

/** One message on its round. */
class Round {
  readonly #message: Prepared
  readonly #slow: SlowPolicy
  #sent = 0
  #skipped = 0
  #closed = 0
  #gone = 0
  #pending: Promise<void>[] | undefined

  constructor(message: Prepared, slow: SlowPolicy) {
    this.#message = message
    this.#slow = slow
  }

  send(conn: Conn): void {
    if (!conn.isOpen) this.#gone++
    else if (this.#slow !== 'wait' && outboxOf(conn).isBehind) this.#leaveBehind(conn)
    else this.#sendTo(conn)
  }

  end(): Broadcast {
    const counts: BroadcastCounts = Object.freeze({
      sent: this.#sent,
      skipped: this.#skipped,
      closed: this.#closed,
      gone: this.#gone,
    })
    const room = this.#pending === undefined ? RESOLVED : Promise.allSettled(this.#pending)
    return Object.assign(
      room.then(() => counts),
      counts,
    )
  }

  #sendTo(conn: Conn): void {
    const room = conn.send(this.#message)
    if (conn.isOpen) this.#sent++
    else this.#closed++ // its outbox was full
    if (room === RESOLVED || this.#slow !== 'wait') return
    this.#pending ??= []
    this.#pending.push(room)
  }

  #leaveBehind(conn: Conn): void {
    if (this.#slow === 'skip') {
      this.#skipped++
      return
    }
    this.#closed++
    failConn(conn, tooSlow(conn.bufferedAmount, outboxOf(conn).highWaterMark))
  }
}
