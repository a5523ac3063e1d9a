import type { ServerResponse } from 'node:http'
import { answerFor, encodeAnswer, type Refusal } from '../handshake/refusal.js'
import type { Arrival } from '../node/arrival.js'
import { endGently } from '../node/end-gently.js'

/** Answers a handshake with a refusal: through the response where there is one, else straight to the socket. */
export function sendRefusal(arrival: Arrival, refusal: Refusal): void {
  const { request, socket, response } = arrival
  if (response !== undefined) respond(response, refusal)
  else if (!socket.destroyed) endGently(socket, encodeAnswer(answerFor(refusal), request.method))
}

/** Headers that HTTP/2 does not know (RFC 9113 §8.2.2). */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set(['connection', 'upgrade'])

/** Answers an ordinary request with a refusal; false when it has been answered already, or nobody is there any more. */
export function respond(response: ServerResponse, refusal: Refusal): boolean {
  if (response.headersSent || response.writableEnded || response.destroyed) return false
  const answer = answerFor(refusal)
  const onlyH2 = response.req.httpVersionMajor >= 2
  const lines = answer.lines.filter(([name]) => !(onlyH2 && CONNECTION_HEADERS.has(name.toLowerCase())))
  response.statusCode = answer.status
  for (const [name] of lines) response.removeHeader(name)
  for (const [name, value] of lines) response.appendHeader(name, value)
  response.end(answer.body)
  return true
}
