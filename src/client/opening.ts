import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { HandshakeError } from '../errors.js'
import { createHandshakeKey } from '../frame/handshake-key.js'
import {
  acceptResponse,
  type ClientAgreement,
  type ClientOffer,
  formatRequest,
  fromMutableHeaders,
  type HandshakeResponse,
  offerHeaders,
  refusal,
  toMutableHeaders,
} from '../handshake/client.js'
import type { Attempt } from './attempt.js'
import { connectSocket, secureSocket } from './connect.js'
import { type Answer, exchange, readBody } from './exchange.js'
import type { DialPlan } from './plan.js'
import { openTunnel } from './proxy.js'
import { followRedirect, isRedirect, type Route, tooManyRedirects } from './redirect.js'

/** A socket on which the handshake is done. It is paused. */
export interface Opened extends ClientAgreement {
  readonly socket: Duplex
  /** Bytes that came behind the answer. */
  readonly head: Buffer
}

/** A request that was answered. */
interface Asked extends Answer {
  readonly socket: Duplex
  readonly offer: ClientOffer
}

/** Performs the opening handshake, redirects included. What it opened belongs to the attempt until it is handed over. */
export async function openHandshake(attempt: Attempt, plan: DialPlan): Promise<Opened> {
  if (plan.socket !== undefined) attempt.own(plan.socket)
  let route: Route = {
    target: plan.target,
    authorization: plan.target.authorization,
    headers: plan.headers,
    protocols: plan.protocols,
    tls: plan.tls,
  }
  for (let redirects = 0; ; redirects++) {
    const asked = await ask(attempt, plan, route)
    await showResponse(attempt, plan, route, asked.response)
    const mayFollow = plan.followRedirects > 0 && isRedirect(asked.response.status)
    if (!mayFollow) return judge(attempt, asked)
    if (redirects === plan.followRedirects) throw tooManyRedirects(asked.response, plan.followRedirects)
    attempt.destroySockets()
    route = followRedirect(route, asked.response)
  }
}

async function ask(attempt: Attempt, plan: DialPlan, route: Route): Promise<Asked> {
  attempt.check()
  const offer = makeOffer(plan, route)
  const request = await writeRequest(attempt, plan, route, offer)
  const socket = await reach(attempt, plan, route)
  attempt.doing = 'the opening handshake'
  return { ...(await exchange(attempt, socket, request)), socket, offer }
}

const makeOffer = (plan: DialPlan, { target, authorization, headers, protocols }: Route): ClientOffer => ({
  host: target.url.host,
  key: createHandshakeKey(),
  origin: plan.origin,
  authorization,
  protocols,
  extensions: plan.extensions,
  headers,
})

async function writeRequest(
  attempt: Attempt,
  plan: DialPlan,
  { target }: Route,
  offer: ClientOffer,
): Promise<string> {
  const lines = offerHeaders(offer)
  const hook = plan.onRequest
  if (hook === undefined) return formatRequest('GET', target.path, lines)
  const headers = toMutableHeaders(lines)
  await callHook(attempt, 'onRequest', undefined, () =>
    hook(Object.freeze({ url: new URL(target.url), headers })),
  )
  return formatRequest('GET', target.path, fromMutableHeaders(headers, lines))
}

async function showResponse(
  attempt: Attempt,
  plan: DialPlan,
  { target }: Route,
  response: HandshakeResponse,
): Promise<void> {
  const hook = plan.onResponse
  if (hook === undefined) return
  const { status, headers } = response
  await callHook(attempt, 'onResponse', response, () => hook({ url: new URL(target.url), status, headers }))
}

/** Runs a hook of the application within the limits of the attempt; what it throws becomes the cause. */
async function callHook(
  attempt: Attempt,
  name: string,
  response: HandshakeResponse | undefined,
  hook: () => void | Promise<void>,
): Promise<void> {
  attempt.doing = name
  try {
    await attempt.waitFor(hook())
  } catch (cause) {
    if (attempt.stopped) throw cause
    throw new HandshakeError('WS_ERR_HANDLER', `Cannot open a WebSocket: ${name} threw`, {
      status: response?.status,
      headers: response?.headers,
      cause,
    })
  }
}

/** A connection to the target: given, direct or through a proxy; with TLS on it where the URL wants it. */
async function reach(attempt: Attempt, plan: DialPlan, { target, tls: options }: Route): Promise<Duplex> {
  const raw = await reachRaw(attempt, plan, target)
  if (!target.secure || (raw instanceof tls.TLSSocket && raw === plan.socket)) return raw
  return secureSocket(attempt, raw, target.host, options, 'WS_ERR_SOCKET')
}

async function reachRaw(attempt: Attempt, plan: DialPlan, target: Route['target']): Promise<Duplex> {
  if (plan.socket !== undefined) return plan.socket
  if (plan.proxy !== undefined) return openTunnel(attempt, plan.proxy, target, plan.connect)
  return connectSocket(attempt, target, plan.connect, 'WS_ERR_SOCKET')
}

async function judge(attempt: Attempt, asked: Asked): Promise<Opened> {
  const { response, socket, rest } = asked
  if (response.status !== 101) throw refusal(response, await readBody(attempt, socket, asked))
  if (socket.destroyed) throw attempt.failure('WS_ERR_SOCKET', socket.errored)
  return { socket, head: rest, ...acceptResponse(response, asked.offer) }
}
