/** Answers the connections of a client under test. */
import type { Socket } from 'node:net'
import { acceptFor } from '../../frame/index.js'
import { agreeAsServer } from './deflate.js'
import { edited, encodeHead, type Head, type HeaderEdit, valuesOf } from './http-head.js'
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
  const { one, log } = context
  const opening = one.opening ?? USUAL
  log.note(headText(request), 'received')
  const agreed = one.deflate && agreeAsServer(request, one.deflate)
  await writeHead(socket, answerHead(request, opening, agreed?.header), opening, 'server', log)
  const link = new Link(socket, 'server', log, agreed?.agreement)
  link.feed(rest)
  const fault = opening.check?.(request, earlierKeys)
  let isOpen = false
  try {
    if (fault !== undefined) throw new CaseFailure(fault)
    isOpen = await decision(link, opening, context)
  } finally {
    if (!isOpen) link.destroy()
  }
  return isOpen ? { link, agreement: agreed?.agreement } : undefined
}

/** Whether the client took the answer; fails the case when it may not decide so. */
async function decision(link: Link, { expects }: Opening, context: OpenContext): Promise<boolean> {
  if (expects === 'accepted') return true
  if (expects === 'any') return isTaken(link, context.settings.timeout)
  await refusedBy(link, context.settings.timeout, context)
  return false
}

function answerHead(request: Head, opening: Opening, extensions: string | undefined): Buffer {
  const usual: HeaderEdit = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptFor(valuesOf(request, 'sec-websocket-key')[0] ?? ''),
    ...(extensions !== undefined && { 'Sec-WebSocket-Extensions': extensions }),
  }
  return encodeHead(opening.line?.('') ?? 'HTTP/1.1 101 Switching Protocols', edited(usual, opening.headers))
}

/** Whether the client took an answer that it may take, or refuse: either shows itself. */
async function isTaken(link: Link, timeout: number): Promise<boolean> {
  await link.fence()
  const event = await link.next(timeout)
  if (event === undefined) throw new CaseFailure('The client neither takes the answer nor refuses it')
  return event.kind === 'fence'
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
