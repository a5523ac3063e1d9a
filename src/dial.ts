import type { Duplex } from 'node:stream'
import { Attempt } from './client/attempt.js'
import { type Opened, openHandshake } from './client/opening.js'
import type { DialOptions } from './client/options.js'
import { type DialPlan, planDial } from './client/plan.js'
import { planRetrying, type RetryingOptions, retryConnections } from './client/retrying.js'
import { Application } from './conn/application.js'
import { publishFailedHandshake } from './conn/channels.js'
import type { Conn } from './conn/conn.js'
import { openConn } from './conn/open.js'
import { HandshakeError, toError } from './errors.js'
import { closeExtensions } from './handshake/extensions.js'

export type {
  ConnectOptions,
  DialOptions,
  DialRequest,
  DialResponse,
  ProxyOptions,
} from './client/options.js'
export type { RetryingOptions } from './client/retrying.js'

/** What `dial` is: a function, and another one that dials again and again. */
export interface Dial {
  /** Opens a WebSocket; resolves with the open connection. */
  <Data = unknown>(url: string | URL, options?: DialOptions<Data>): Promise<Conn<Data>>
  /**
   * Opens a WebSocket again and again: each turn of the loop gets the next open connection, once the one before has
   * closed. Between them it waits, longer each time (exponential backoff with full jitter), until a connection has lasted.
   * Leaving the loop closes the connection of that turn with 1000; aborting `signal` does too, and ends the loop with its
   * reason.
   *
   * @throws TypeError or RangeError at once for a wrong argument. The loop throws the last error when it is fatal, or when
   * `maxAttempts` dials in a row have failed.
   *
   * @example
   * for await (const conn of dial.retrying('wss://example.com/feed')) {
   *   for await (const message of conn) handle(message)
   * }
   */
  retrying<Data = unknown>(
    url: string | URL,
    options?: RetryingOptions<Data>,
  ): AsyncGenerator<Conn<Data>, void, undefined>
}

/**
 * Opens a WebSocket; resolves with the open connection.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:` or `ws+unix:/path/to/socket:/path`; a name and password in it are sent as
 * Basic credentials.
 * @throws HandshakeError when there is no WebSocket to be had: `code` says what failed, `status`, `headers` and `body`
 * what the server answered, `cause` what was behind it.
 * @throws TypeError or RangeError for a wrong argument, before anything is sent.
 * @throws `signal.reason` when the signal is aborted.
 *
 * @example
 * await using conn = await dial('ws://localhost:8080')
 * await conn.send('hello')
 * console.log((await conn.read())?.text())
 */
// An interface, and not a function with a property: the comment of such a property is lost in the declarations.
export const dial: Dial = async <Data>(url: string | URL, options: DialOptions<Data> = {}) =>
  open(planDial(url, options))

dial.retrying = <Data>(url: string | URL, options: RetryingOptions<Data> = {}) => {
  const { plan, retrying } = planRetrying(url, options)
  return retryConnections(() => open(plan), retrying)
}

async function open<Data>(plan: DialPlan<Data>): Promise<Conn<Data>> {
  const attempt = new Attempt(plan.timeout, plan.conn.clock, plan.signal)
  try {
    const opened = await openHandshake(attempt, plan)
    const conn = start(opened, plan)
    attempt.handOver(opened.socket)
    return conn
  } catch (thrown) {
    publishFailure(plan, thrown)
    throw thrown
  } finally {
    attempt.end()
  }
}

/** Only what tells where to: a query may hold a token. */
function publishFailure({ target }: DialPlan, thrown: unknown): void {
  const error = toError(thrown)
  const status = error instanceof HandshakeError ? error.status : undefined
  publishFailedHandshake('client', { url: target.url.origin + target.url.pathname, status, error })
}

function start<Data>({ socket, head, protocol, extensions }: Opened, plan: DialPlan<Data>): Conn<Data> {
  try {
    if (hasNoDelay(socket)) socket.setNoDelay(true)
    const { conn: options, data, events } = plan
    const application = new Application(events)
    return openConn<Data>(socket, { role: 'client', head, protocol, extensions, options, data, application })
  } catch (thrown) {
    closeExtensions(extensions)
    throw thrown
  }
}

const hasNoDelay = (socket: Duplex): socket is Duplex & { setNoDelay(on: boolean): void } =>
  'setNoDelay' in socket && typeof socket.setNoDelay === 'function'
