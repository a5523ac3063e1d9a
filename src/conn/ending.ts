import {
  CloseError,
  type CloseReport,
  type CloseStatus,
  ProtocolError,
  reasonFor,
  toError,
  WebSocketError,
} from '../errors.js'
import { CloseCode, decodeClosePayload, encodeClosePayload, mayTravel } from '../frame/close.js'
import type { Role } from '../frame/rules.js'
import {
  type Closing,
  maySend,
  OPEN,
  onCloseReceived,
  onCloseSent,
  receivedOf,
  sentOf,
} from '../protocol/closing.js'

/** What the ending needs from the connection around it. */
export interface EndingHost {
  /** Lays a Close frame behind everything that waits, when its turn has come; tells when it is laid. */
  closeInOrder(payload: Buffer, laid: () => void): void
  /** Lays a Close frame in front of what waits, and drops that. */
  closeAtOnce(payload: Buffer): void
  /** Our Close is laid: only the peer's matters now. The peer's Close came in: it reads no more. */
  onCloseSent(): void
  onCloseReceived(): void
  /** A limit ends the connection. */
  onBreach(error: WebSocketError): void
  /** The report is there: readers and writers get their last answers. */
  onReport(report: CloseReport): void
  /** Ends the sending direction of the transport behind what was written; drops it. */
  endTransport(): void
  destroyTransport(): void
  /** Starts the time that is left for the rest of the closing. */
  startCloseTimer(within?: number): void
  /** The transport is gone; the connection is over. */
  onOver(report: CloseReport): void
  lastReceivedAt(): number
}

/** How it ended, as far as it shows at the end itself. */
type EndFacts = Pick<CloseReport, 'code' | 'reason' | 'initiator' | 'clean' | 'cause'>

/**
 * How a connection ends (RFC 6455 §7): the closing handshake, and the one exit for every error. Whatever happens, it
 * becomes one report; the first cause wins.
 */
export class Ending {
  readonly #role: Role
  readonly #host: EndingHost
  #closing: Closing = OPEN
  /** Close was asked for and waits behind messages that were sent before it. */
  #asked = false
  #failing = false
  /** The limit that an end in peace is due to. */
  #retired: WebSocketError | undefined
  #report: CloseReport | undefined
  #error: CloseError | undefined
  #over = false
  #closed: Promise<CloseReport> | undefined
  #resolveClosed: ((report: CloseReport) => void) | undefined

  constructor(role: Role, host: EndingHost) {
    this.#role = role
    this.#host = host
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<CloseReport> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#over) resolve(this.#report!)
      else this.#resolveClosed = resolve
    })
    return this.#closed
  }

  /** The report, as soon as it stands. */
  get report(): CloseReport | undefined {
    return this.#report
  }

  /** The error that pending and later calls get; it exists for peaceful ends as well, for writers. */
  get error(): CloseError | undefined {
    if (this.#report !== undefined) this.#error ??= new CloseError(this.#report)
    return this.#error
  }

  /** Whether it has failed or is over, though the report may be about to be made. */
  get isEnding(): boolean {
    return this.#failing || this.#report !== undefined
  }

  /** Whether messages may still be sent. */
  get isOpen(): boolean {
    return !this.#asked && this.#closing.phase === 'open' && this.#report === undefined
  }

  /** Whether control frames may still be sent: up to our own Close. */
  get maySendControl(): boolean {
    return maySend(this.#closing) && this.#report === undefined
  }

  /** Starts the closing handshake, or answers the peer's Close; `within` so many milliseconds, or `closeTimeout`. */
  close(code: number, reason: string, within?: number): void {
    const payload = encodeClosePayload(code, reason)
    if (this.#asked || !this.maySendControl) return
    this.#asked = true
    this.#host.startCloseTimer(within)
    this.#sendClose(payload, { code, reason })
  }

  /** An end in peace that was due: what waits goes out, and the peer is told why. */
  retire(error: WebSocketError): void {
    if (this.#asked || !this.maySendControl) return
    this.#retired = error
    this.#host.onBreach(error)
    this.close(CloseCode.GoingAway, reasonFor(error))
  }

  /** The peer's Close frame came in; `answer` sends ours in return. */
  onCloseFrame(payload: Buffer, answer: boolean): void {
    if (this.#report !== undefined) return
    const received = decodeClosePayload(payload)
    this.#closing = onCloseReceived(this.#closing, received)
    this.#host.startCloseTimer()
    this.#host.onCloseReceived()
    if (this.#closing.phase === 'done') return this.#finish()
    if (!answer || this.#asked) return
    this.#asked = true
    // The code comes back as it was received (§5.5.1).
    this.#sendClose(payload, received)
  }

  /** The only exit for errors: tells the peer, ends the connection, and everyone who waits gets that same error. */
  fail(thrown: unknown): void {
    if (this.#report !== undefined || this.#failing) return
    this.#failing = true // an extension may fail on the very Close frame that tells of a failure
    const error = toError(thrown)
    const code = codeFor(error)
    const reason = reasonFor(error)
    if (maySend(this.#closing)) {
      this.#host.closeAtOnce(encodeClosePayload(code, reason))
      this.#closing = onCloseSent(this.#closing, { code, reason })
    }
    this.#host.startCloseTimer()
    this.#settle({ code, reason, initiator: 'local', clean: false, cause: error })
    this.#host.endTransport()
  }

  /** Drops the connection without a word. */
  terminate(cause: WebSocketError): void {
    this.#settle(this.#abnormal('local', cause))
    this.#host.destroyTransport()
  }

  /** The time for the closing handshake is over. */
  onCloseTimeout(limit: number): void {
    const received = this.#closing.phase === 'received'
    this.terminate(
      new WebSocketError(
        'WS_ERR_CLOSE_TIMEOUT',
        `Cannot wait longer ${received ? 'to answer Close' : 'for the peer to close'}: closeTimeout is ${limit} ms`,
        { breach: { option: 'closeTimeout', limit, value: limit } },
      ),
    )
  }

  /** The peer has ended its sending direction. */
  onTransportEnded(): void {
    if (this.#report === undefined) {
      const cause = new WebSocketError('WS_ERR_EOF', 'The peer ended the connection without a Close frame')
      this.#settle(this.#abnormal('remote', cause))
    }
    this.#host.startCloseTimer() // what waits for a peer that is gone must not wait for ever
    this.#host.endTransport()
  }

  /** The transport is gone. */
  onTransportClosed(error: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    if (this.#report === undefined) {
      const cause =
        error === undefined
          ? new WebSocketError('WS_ERR_EOF', 'The connection was dropped without a Close frame')
          : new WebSocketError('WS_ERR_SOCKET', `The connection was lost: ${error.message}`, { cause: error })
      this.#settle(this.#abnormal('remote', cause))
    }
    this.#resolveClosed?.(this.#report!)
    this.#host.onOver(this.#report!)
  }

  #sendClose(payload: Buffer, status: CloseStatus): void {
    this.#host.closeInOrder(payload, () => {
      if (this.#report !== undefined) return
      this.#closing = onCloseSent(this.#closing, status)
      this.#host.onCloseSent()
      if (this.#closing.phase === 'done') this.#finish()
    })
  }

  /** Both Close frames have travelled. The server ends TCP first, so that TIME_WAIT stays with it (§7.1.1). */
  #finish(): void {
    const closing = this.#closing
    if (closing.phase !== 'done') return
    const { code, reason } = closing.received // the first Close frame received tells the code (§7.1.5)
    const initiator = closing.first === 'sent' ? 'local' : 'remote'
    this.#settle({ code, reason, initiator, clean: true, cause: undefined })
    if (this.#role === 'server') this.#host.endTransport()
  }

  /** An end without the closing handshake; a Close frame that did come in still tells the code. */
  #abnormal(initiator: CloseReport['initiator'], cause: Error): EndFacts {
    const received = receivedOf(this.#closing)
    const sentFirst = this.#closing.phase === 'sent'
    return {
      code: received?.code ?? CloseCode.Abnormal,
      reason: received?.reason ?? '',
      initiator: received !== undefined ? 'remote' : sentFirst ? 'local' : initiator,
      clean: false,
      cause,
    }
  }

  #settle(facts: EndFacts): void {
    if (this.#report !== undefined) return
    const { code, reason, initiator, clean, cause } = facts
    this.#report = Object.freeze({
      code,
      reason,
      initiator,
      clean,
      cause,
      breach: this.#retired?.breach ?? breachOf(cause),
      sent: sentOf(this.#closing),
      received: receivedOf(this.#closing),
      lastReceivedAt: this.#host.lastReceivedAt(),
    })
    this.#host.onReport(this.#report)
  }
}

const breachOf = (cause: Error | undefined): CloseReport['breach'] =>
  cause instanceof WebSocketError ? cause.breach : undefined

/** What the peer is told of an error. */
function codeFor(error: Error): number {
  const isTold = error instanceof ProtocolError && mayTravel(error.closeCode)
  return isTold ? error.closeCode : CloseCode.InternalError
}

/** The cause of an end that the application has asked for. */
export const terminated = (): WebSocketError =>
  new WebSocketError('WS_ERR_TERMINATED', 'The connection was terminated by this side')
