import type { TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { EventHandler } from '../conn/events.js'
import type { ConnOptions } from '../conn/options.js'
import type { MutableHeaders, ResponseHeaders } from '../handshake/client.js'
import type { HeaderFields } from '../handshake/tokens.js'

/** The handshake that is about to be sent. Headers may be added, changed and deleted, but for those of RFC 6455. */
export interface DialRequest {
  /** Where it goes, without name and password; another one after a redirect. */
  readonly url: URL
  /** All of them, names in lower case. */
  readonly headers: MutableHeaders
}

/** The answer that came, before it is judged. */
export interface DialResponse {
  /** Where it came from. */
  readonly url: URL
  /** The HTTP status: 101 if all is well. */
  readonly status: number
  /** All headers, names in lower case. */
  readonly headers: ResponseHeaders
}

/** How TCP connects; see `net.connect()`. */
export type ConnectOptions = Pick<
  TcpNetConnectOpts,
  | 'lookup'
  | 'family'
  | 'hints'
  | 'localAddress'
  | 'localPort'
  | 'keepAlive'
  | 'keepAliveInitialDelay'
  | 'autoSelectFamily'
  | 'autoSelectFamilyAttemptTimeout'
>

/** A proxy that needs more than its URL. */
export interface ProxyOptions {
  /** `http:` or `https:`; a name and password in it become `Proxy-Authorization`. */
  readonly url: string | URL
  /** Sent to the proxy only. */
  readonly headers?: HeaderFields
  /** For an `https:` proxy. */
  readonly tls?: ConnectionOptions
}

/** What can be set for `dial()`, besides everything of the connection itself. All of it is checked when it is given. */
export interface DialOptions<Data = unknown> extends ConnOptions {
  /** Subprotocols to ask for, best first. */
  readonly protocols?: string | readonly string[]
  /** Headers of the request. Those of the handshake itself cannot be set. */
  readonly headers?: HeaderFields
  /** The `Origin` header; default none. */
  readonly origin?: string
  /** For `wss:`, as `tls.connect()` takes it: `ca`, `cert`, `key`, `servername` … Certificates are verified. */
  readonly tls?: ConnectionOptions
  /** How TCP connects: `lookup`, `family`, `localAddress` … */
  readonly connect?: ConnectOptions
  /** A unix socket or Windows pipe to connect to instead of the URL's host and port. */
  readonly socketPath?: string
  /**
   * A stream to open the WebSocket on instead of connecting: it belongs to `dial()` from then on. With a `wss:` URL TLS
   * is spoken on it, unless it is a `TLSSocket`.
   */
  readonly socket?: Duplex
  /** An HTTP proxy to tunnel through, with CONNECT. */
  readonly proxy?: string | URL | ProxyOptions
  /**
   * How many redirects to follow; default 0. None leads from `wss:` to `ws:`. On the way to another origin, everything
   * that may be a secret is left behind: name and password, client certificate and all headers but `User-Agent`,
   * `Accept`, `Accept-Language`, `Cache-Control` and `Pragma`. With `protocols`, which may be secrets too and cannot be
   * left behind, none is followed there, but from `ws:` to `wss:` of the same host, both on their default ports: where
   * yours are mere names, dial `error.headers.location` yourself.
   */
  readonly followRedirects?: number
  /** Milliseconds for everything up to the open connection; default 10,000, 0 for no limit. */
  readonly timeout?: number
  /** Gives up when aborted; `dial()` rejects with its reason. Once the connection is open, it has no effect. */
  readonly signal?: AbortSignal
  /** Sees the handshake and may change its headers; called again after a redirect. */
  readonly onRequest?: (request: DialRequest) => void | Promise<void>
  /** Sees the answer, whatever it is, and may refuse it by throwing. */
  readonly onResponse?: (response: DialResponse) => void | Promise<void>
  /** The first value of `conn.data`. */
  readonly data?: Data
  /** Events as functions, instead of reading. */
  readonly events?: EventHandler<Data>
}
