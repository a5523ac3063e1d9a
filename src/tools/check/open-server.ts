/** Answers the connections of a client under test. */
import type { Socket } from 'node:net'
import { acceptFor } from '../../frame/index.js'
import { agreeAsServer } from './deflate.js'
import { encodeHead, type Head, type HeaderEdit, valuesOf } from './http-head.js'
import { Link, type PeerEvent } from './link.js'
import { headText, type OpenContext, writeHead } from './open-client.js'
import type { Opening } from './opening.js'
import type { Opened } from './run-case.js'
import { CaseFailure } from './verdict.js'

/** A request that came in, and has no answer yet. */
export interface Arrival {
  readonly socket: Socket
  readonly request: Head
  /** What came behind the head. */
  readonly rest: Buffer
  /** The keys of the requests before. */
  readonly earlierKeys: ReadonlySet<string>
}

const USUAL: Opening = { expects: 'accepted' }

/** Answers as a case wants it; undefined when the client refused that, as it had to. */
export async function openAsServer(arrival: Arrival, context: OpenContext): Promise<Opened | undefined> {
  const { socket, request, rest, earlierKeys } = arrival
  const { one, log, settings } = context
  const opening = one.opening ?? USUAL
  log.note(headText(request), 'received')
  const agreed = one.deflate && agreeAsServer(request, one.deflate)
  await writeHead(socket, answerHead(request, opening, agreed?.header), opening, 'server', log)
  const link = new Link(socket, 'server', log, agreed?.agreement)
  link.feed(rest)
  const fault = opening.check?.(request, earlierKeys)
  if (fault === undefined && opening.expects !== 'refused') return { link, agreement: agreed?.agreement }
  try {
    if (fault !== undefined) throw new CaseFailure(fault)
    await refusedBy(link, settings.timeout, context)
  } finally {
    link.destroy()
  }
  return undefined
}

function answerHead(request: Head, opening: Opening, extensions: string | undefined): Buffer {
  const usual: HeaderEdit = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptFor(valuesOf(request, 'sec-websocket-key')[0] ?? ''),
    ...(extensions !== undefined && { 'Sec-WebSocket-Extensions': extensions }),
  }
  return encodeHead(opening.line?.('') ?? 'HTTP/1.1 101 Switching Protocols', usual, opening.headers)
}

/** The client has to drop the connection, and to send nothing: a message shows whether it thinks that it is open. */
async function refusedBy(link: Link, timeout: number, { verdict }: OpenContext): Promise<void> {
  await link.send([{ opcode: 1, payload: 'the handshake was wrong' }])
  await link.fence()
  const event: PeerEvent | undefined = await link.next(timeout)
  if (event?.kind === 'end') return
  if (event?.kind !== 'close')
    throw new CaseFailure(
      event === undefined ? 'The client keeps the connection open' : 'The client took the answer for right',
    )
  verdict.lower('NON-STRICT', 'The client took the answer for right, and closed the connection then')
}
