/** Group H, for clients: what their requests must have, and answers they must refuse (RFC 6455 §4.1). */
import { isHandshakeKey } from '../../../frame/index.js'
import { type Case, echoed, type Group, group, read, shut, text } from '../case.js'
import { type Head, type HeaderEdit, tokensOf, valuesOf } from '../http-head.js'
import type { Opening } from '../opening.js'

const hello = text('Hello, world!')

const withOpening = (description: string, opening: Opening): Omit<Case, 'id'> => ({
  description,
  tests: 'client',
  opening,
  steps: echoed(hello),
})

type Edit = Omit<Opening, 'expects'>

const accepted = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'accepted' })
const refused = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'refused' })
const having = (headers: HeaderEdit): Edit => ({ headers })
/** Another status than 101, in an answer that is whole. */
const status = (line: string): Edit => ({
  line: () => `HTTP/1.1 ${line}`,
  headers: { Upgrade: undefined, Connection: 'close', 'Content-Length': '0' },
})
const phrase = (line: string): Edit => ({ line: () => `HTTP/1.1 ${line}` })

/** A rule for the request; each is a case of its own, so that the report tells which one was broken. */
const asks = (description: string, check: NonNullable<Opening['check']>): Omit<Case, 'id'> =>
  accepted(description, { check })

const only = (head: Head, name: string): string | undefined => {
  const values = valuesOf(head, name)
  return values.length === 1 ? values[0] : undefined
}
const unless = (isRight: boolean, fault: string): string | undefined => (isRight ? undefined : fault)

const requests: readonly Omit<Case, 'id'>[] = [
  asks('GET and HTTP/1.1', ({ line }) =>
    unless(line.startsWith('GET /') && line.endsWith(' HTTP/1.1'), `The request is '${line}'`),
  ),
  asks('Host, once', (head) =>
    unless((only(head, 'host') ?? '') !== '', 'Host is missing, empty or doubled'),
  ),
  asks('Upgrade: websocket', (head) =>
    unless(tokensOf(head, 'upgrade').includes('websocket'), 'The request has no Upgrade: websocket'),
  ),
  asks('Connection: Upgrade', (head) =>
    unless(tokensOf(head, 'connection').includes('upgrade'), 'The request has no Connection: Upgrade'),
  ),
  asks('Version 13, once', (head) =>
    unless(only(head, 'sec-websocket-version') === '13', 'Sec-WebSocket-Version is not 13'),
  ),
  asks('A key of 16 bytes in base64, once', (head) =>
    unless(
      isHandshakeKey(only(head, 'sec-websocket-key') ?? ''),
      'Sec-WebSocket-Key is not 16 bytes in base64',
    ),
  ),
  asks('A key that was not used before', (head, earlier) =>
    unless(!earlier.has(only(head, 'sec-websocket-key') ?? ''), 'Sec-WebSocket-Key was used before'),
  ),
  asks('No doubled subprotocol', (head) => {
    const tokens = tokensOf(head, 'sec-websocket-protocol')
    return unless(new Set(tokens).size === tokens.length, 'A subprotocol is asked for twice')
  }),
]

const wrong: readonly Omit<Case, 'id'>[] = [
  ...['200 OK', '204 No Content', '400 Bad Request', '401 Unauthorized', '404 Not Found'].map((line) =>
    refused(`Status ${line}`, status(line)),
  ),
  refused('Status 301 without a place to go to', status('301 Moved Permanently')),
  refused('Status 503', status('503 Service Unavailable')),
  refused('HTTP/1.0 101', { line: () => 'HTTP/1.0 101 Switching Protocols' }),
  refused('No Upgrade', having({ Upgrade: undefined })),
  refused('Upgrade: h2c', having({ Upgrade: 'h2c' })),
  refused('No Connection', having({ Connection: undefined })),
  refused('Connection: close', having({ Connection: 'close' })),
  refused('No Sec-WebSocket-Accept', having({ 'Sec-WebSocket-Accept': undefined })),
  refused('An empty Sec-WebSocket-Accept', having({ 'Sec-WebSocket-Accept': '' })),
  refused(
    'Sec-WebSocket-Accept of another key',
    having({ 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }),
  ),
  refused('A subprotocol that was not asked for', having({ 'Sec-WebSocket-Protocol': 'fastws-unknown' })),
  refused('An extension that was not offered', having({ 'Sec-WebSocket-Extensions': 'x-fastws-unknown' })),
  refused(
    'permessage-deflate with a parameter that does not exist',
    having({ 'Sec-WebSocket-Extensions': 'permessage-deflate; no_such_parameter' }),
  ),
  refused(
    'permessage-deflate with a window of 7 bits',
    having({ 'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=7' }),
  ),
  refused(
    'permessage-deflate twice',
    having({ 'Sec-WebSocket-Extensions': 'permessage-deflate, permessage-deflate' }),
  ),
  refused('No HTTP at all', { raw: () => Buffer.from('Hello, this is not HTTP\r\n\r\n') }),
  refused('A header without a colon', {
    raw: (head) => Buffer.from(head.toString('latin1').replace('\r\n\r\n', '\r\nnonsense\r\n\r\n'), 'latin1'),
  }),
  refused('The end of TCP in the middle of the answer', {
    raw: (head) => head.subarray(0, head.length / 2),
    ends: true,
  }),
  refused('The end of TCP instead of an answer', { raw: () => Buffer.alloc(0), ends: true }),
]

const unusual: readonly Omit<Case, 'id'>[] = [
  accepted('As it should be', {}),
  accepted('Header names in other case, values too', {
    headers: { UPGRADE: 'WebSocket', connection: 'uPGRADE' },
  }),
  accepted('Connection: keep-alive, Upgrade', having({ Connection: 'keep-alive, Upgrade' })),
  accepted('Another reason phrase', phrase('101 Web Socket Protocol Handshake')),
  accepted('No reason phrase', phrase('101 ')),
  accepted(
    'Headers that nobody knows',
    having({ 'X-Unknown': 'a', 'Set-Cookie': ['a=1', 'b=2'], Server: 'fastws' }),
  ),
  accepted('Byte by byte', { pieces: 1 }),
  {
    description: 'A message right behind it, in the same packet',
    tests: 'client',
    opening: { behind: [hello], expects: 'accepted' },
    steps: [read(hello), ...shut],
  },
]

/** Either is right, as long as the client makes up its mind. */
const any = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'any' })
const long = (beginning: string): string => beginning.padEnd(8000, 'x')
const ACCEPT = /^(Sec-WebSocket-Accept: )(.*)\r\n/im
/** Changes the line that says the server has understood. */
const acceptLine = (change: (value: string) => readonly string[]): Edit => ({
  raw: (head) =>
    Buffer.from(
      head.toString('latin1').replace(ACCEPT, (_line, name: string, value: string) =>
        change(value)
          .map((one) => `${name}${one}\r\n`)
          .join(''),
      ),
      'latin1',
    ),
})
const swapCase = (text: string): string =>
  text.replace(/[a-z]/gi, (letter) => {
    const upper = letter.toUpperCase()
    return letter === upper ? letter.toLowerCase() : upper
  })

/** What the group before leaves out, so that every header is missing, doubled, malformed and huge once. */
const values: readonly Omit<Case, 'id'>[] = [
  any('Upgrade twice', having({ Upgrade: ['websocket', 'websocket'] })),
  any('Connection: Upgrade, twice', having({ Connection: ['Upgrade', 'Upgrade'] })),
  any(
    'Sec-WebSocket-Accept twice, the same',
    acceptLine((value) => [value, value]),
  ),
  refused(
    'Sec-WebSocket-Accept twice, one of them right',
    acceptLine((value) => [value, swapCase(value)]),
  ),
  refused(
    'Sec-WebSocket-Accept in the wrong case',
    acceptLine((value) => [swapCase(value)]),
  ),
  refused(
    'Sec-WebSocket-Accept that is cut',
    acceptLine((value) => [value.slice(0, -2)]),
  ),
  refused('Upgrade: web socket', having({ Upgrade: 'web socket' })),
  refused('Connection: Up grade', having({ Connection: 'Up grade' })),
  refused('Upgrade of 8,000 letters', having({ Upgrade: long('websocket') })),
  refused('Connection of 8,000 letters', having({ Connection: long('Upgrade') })),
  refused(
    'Sec-WebSocket-Accept of 8,000 letters',
    acceptLine((value) => [value.padEnd(8000, 'A')]),
  ),
  any('A header of 100 KB', having({ 'X-Large': 'a'.repeat(100_000) })),
  any('3000 headers', having(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'a'])))),
  refused('Status 1010', { line: () => 'HTTP/1.1 1010 Switching Protocols' }),
  refused('A first line without a status', { line: () => 'HTTP/1.1' }),
]

export const clientHandshakeGroups: readonly Group[] = [
  group('H.7', 'What a client asks', requests),
  group('H.8', 'Answers that a client must refuse', wrong),
  group('H.9', 'Answers that are right, though unusual', unusual),
  group('H.11', 'Every header of an answer, doubled, malformed and huge', values),
]
