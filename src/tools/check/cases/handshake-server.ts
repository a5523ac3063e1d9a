/** Group H, for servers: requests that lack something, are malformed, unusual or huge (RFC 6455 §4.2). */
import { type Case, echoed, type Group, group, read, shut, text } from '../case.js'
import { type Head, type HeaderEdit, tokensOf, valuesOf } from '../http-head.js'
import type { Opening } from '../opening.js'

const hello = text('Hello, world!')

const withOpening = (description: string, opening: Opening): Omit<Case, 'id'> => ({
  description,
  tests: 'server',
  opening,
  steps: echoed(hello),
})

type Edit = Omit<Opening, 'expects'>

const accepted = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'accepted' })
const refused = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'refused' })
/** Either is right, as long as there is an answer, and the server goes on. */
const survived = (description: string, edit: Edit): Omit<Case, 'id'> =>
  withOpening(description, { ...edit, expects: 'any', harmless: true })
/** Many servers are generous here. */
const lenient: Edit = { otherwise: 'NON-STRICT' }

const without = (header: string): Omit<Case, 'id'> =>
  refused(`Without ${header}`, { headers: { [header]: undefined } })
const having = (headers: HeaderEdit): Edit => ({ headers })

const key = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64')

const required: readonly Omit<Case, 'id'>[] = [
  accepted('As it should be', {}),
  refused('POST instead of GET', {
    line: (path) => `POST ${path} HTTP/1.1`,
    headers: { 'Content-Length': '0' },
  }),
  refused('HTTP/1.0', { line: (path) => `GET ${path} HTTP/1.0` }),
  without('Host'),
  refused('Host twice', { ...having({ Host: ['localhost', 'localhost'] }), ...lenient }),
  without('Upgrade'),
  refused('Upgrade: h2c', having({ Upgrade: 'h2c' })),
  without('Connection'),
  refused('Connection: keep-alive', having({ Connection: 'keep-alive' })),
  without('Sec-WebSocket-Key'),
  refused('An empty key', having({ 'Sec-WebSocket-Key': '' })),
  refused('A key of 15 bytes', having({ 'Sec-WebSocket-Key': key(15) })),
  refused('A key of 17 bytes', having({ 'Sec-WebSocket-Key': key(17) })),
  refused('A key that is not base64', having({ 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' })),
  refused('The key twice', having({ 'Sec-WebSocket-Key': [key(16), key(16)] })),
  without('Sec-WebSocket-Version'),
  refused('The version twice', having({ 'Sec-WebSocket-Version': ['13', '13'] })),
]

/** Whoever is refused for its version has to be told which one would do (§4.2.2, §4.4). */
const tellsVersion = (head: Head): string | undefined =>
  tokensOf(head, 'sec-websocket-version').includes('13')
    ? undefined
    : 'The answer does not tell the versions that the server takes (§4.2.2)'

const versions: readonly Omit<Case, 'id'>[] = [
  ...['0', '12', '14', '99', '255'].map((version) =>
    refused(`Version ${version}`, { headers: { 'Sec-WebSocket-Version': version }, check: tellsVersion }),
  ),
  ...['', 'abc', '+13', '013', '13.0', '13, 8', '0x0d', '1 3'].map((version) =>
    refused(`Version '${version}'`, having({ 'Sec-WebSocket-Version': version })),
  ),
]

const unusual: readonly Omit<Case, 'id'>[] = [
  accepted('Header names in capitals, values in any case', {
    headers: { UPGRADE: 'WebSocket', connection: 'uPGRADE' },
  }),
  accepted('Connection: keep-alive, Upgrade', having({ Connection: 'keep-alive, Upgrade' })),
  accepted('Connection in two lines', having({ Connection: ['keep-alive', 'Upgrade'] })),
  accepted('Upgrade: websocket, foo', { ...having({ Upgrade: 'websocket, foo' }), ...lenient }),
  accepted(
    'Spaces and tabs around the values',
    having({ Upgrade: ' \t websocket \t ', Connection: '   Upgrade  ' }),
  ),
  accepted('A header that nobody knows', having({ 'X-Unknown': 'a: b; c="d"' })),
  accepted('An empty header', having({ 'X-Empty': '' })),
  accepted('A header with bytes above 127', having({ 'X-Latin': 'caf\u00e9' })),
  accepted('A query of 2000 letters', {
    line: (path) => `GET ${path}${path.includes('?') ? '&' : '?'}q=${'a'.repeat(2000)} HTTP/1.1`,
  }),
  accepted('Byte by byte', { pieces: 1 }),
  accepted('In pieces of 7 bytes', { pieces: 7 }),
  {
    description: 'A message right behind it, in the same packet',
    tests: 'server',
    opening: { behind: [hello], expects: 'accepted' },
    steps: [read(hello), ...shut],
  },
]

const raw = (change: (head: string) => string): Edit => ({
  raw: (bytes) => Buffer.from(change(bytes.toString('latin1')), 'latin1'),
})
const line = (text: string): Edit => raw((head) => head.replace('\r\n\r\n', `\r\n${text}\r\n\r\n`))

const malformed: readonly Omit<Case, 'id'>[] = [
  refused('A header without a colon', line('nonsense')),
  refused('A header with a space in its name', line('bad name: a')),
  refused('A space before the colon', { ...line('bad : a'), ...lenient }),
  refused('A NUL in a header', line('bad: a\0b')),
  refused('A carriage return alone in a header', { ...line('bad: a\rb'), ...lenient }),
  survived('A header in two lines, folded', line('folded: a\r\n b')),
  refused(
    'A first line of one word',
    raw((head) => head.replace(/^[^\r]*/, 'GET')),
  ),
  refused(
    'No HTTP at all',
    raw(() => 'Hello, this is not HTTP\r\n\r\n'),
  ),
  refused(
    'A TLS greeting',
    raw(() => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n'),
  ),
  survived('The end of TCP in the middle', { ...raw((head) => head.slice(0, head.length / 2)), ends: true }),
  survived('A header of 100 KB', having({ 'X-Large': 'a'.repeat(100_000) })),
  survived(
    '3000 headers',
    having(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'a']))),
  ),
  survived('An address of 100 KB', { line: (path) => `GET ${path}?${'a'.repeat(100_000)} HTTP/1.1` }),
]

const asking = (description: string, value: string | readonly string[]): Omit<Case, 'id'> =>
  survived(description, having({ 'Sec-WebSocket-Protocol': value }))

/** Whatever is chosen must have been offered, and but one: that is looked at in every answer. */
const protocols: readonly Omit<Case, 'id'>[] = [
  accepted('One subprotocol that nobody knows', having({ 'Sec-WebSocket-Protocol': 'fastws-unknown.v1' })),
  accepted('Three of them', having({ 'Sec-WebSocket-Protocol': 'fastws-a, fastws-b,fastws-c' })),
  accepted('Two lines of them', having({ 'Sec-WebSocket-Protocol': ['fastws-a', 'fastws-b'] })),
  asking('The same one twice', 'fastws-a, fastws-a'),
  asking('An empty list', ''),
  asking('Commas only', ', ,,'),
  asking('A name with a space', 'fastws a'),
  asking('A name in quotes', '"fastws-a"'),
  asking('Bytes above 127', 'caf\u00e9'),
  asking('1000 subprotocols', Array.from({ length: 1000 }, (_, i) => `p${i}`).join(', ')),
]

const usesDeflate = (head: Head): string | undefined =>
  valuesOf(head, 'sec-websocket-extensions').some((value) => value.includes('permessage-deflate'))
    ? 'The server accepted an offer of permessage-deflate that is invalid (RFC 7692 §7.1)'
    : undefined

const usesAny = (head: Head): string | undefined =>
  valuesOf(head, 'sec-websocket-extensions').length > 0
    ? 'The server accepted an extension that does not exist'
    : undefined

const invalidOffer = (params: string): Omit<Case, 'id'> =>
  withOpening(`permessage-deflate; ${params}`, {
    headers: { 'Sec-WebSocket-Extensions': `permessage-deflate; ${params}` },
    expects: 'any',
    check: usesDeflate,
    harmless: true,
  })
const anyOffer = (description: string, value: string): Omit<Case, 'id'> =>
  withOpening(description, {
    headers: { 'Sec-WebSocket-Extensions': value },
    expects: 'any',
    check: usesDeflate,
    harmless: true,
  })

const extensions: readonly Omit<Case, 'id'>[] = [
  accepted('An extension that nobody knows', {
    headers: { 'Sec-WebSocket-Extensions': 'x-fastws-unknown; a=1; b="2"' },
    check: usesAny,
  }),
  ...[
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=abc',
    'server_max_window_bits',
    'server_max_window_bits=09',
    'client_max_window_bits=7',
    'client_max_window_bits=16',
    'server_no_context_takeover=1',
    'client_no_context_takeover=true',
    'server_no_context_takeover; server_no_context_takeover',
    'server_max_window_bits=10; server_max_window_bits=11',
    'no_such_parameter',
  ].map(invalidOffer),
  anyOffer('Semicolons only', ';;;'),
  anyOffer('An equals sign alone', '='),
  anyOffer('A quote that does not end', 'foo; bar="baz'),
  anyOffer('1,500 parameters', `foo${'; a=b'.repeat(1500)}`),
]

/** Long, and still within what servers take for all headers together: so it is the value that is looked at. */
const LONG = 8000
const long = (beginning: string): string => beginning.padEnd(LONG, 'x')

/** What the groups before leave out, so that every header is missing, doubled, malformed and huge once. */
const values: readonly Omit<Case, 'id'>[] = [
  survived('Upgrade twice', having({ Upgrade: ['websocket', 'websocket'] })),
  accepted('Connection: Upgrade, twice', { ...having({ Connection: ['Upgrade', 'Upgrade'] }), ...lenient }),
  survived('Origin twice', having({ Origin: ['http://a.test', 'http://b.test'] })),
  accepted('Extensions in two lines', {
    ...having({ 'Sec-WebSocket-Extensions': ['x-fastws-a', 'x-fastws-b'] }),
    check: usesAny,
  }),
  refused('Upgrade: web socket', having({ Upgrade: 'web socket' })),
  refused('Connection: Up grade', having({ Connection: 'Up grade' })),
  refused('A key with a space in it', having({ 'Sec-WebSocket-Key': 'dGhlIHNhbXBs ZSBub25jZQ==' })),
  survived('Host: a b', having({ Host: 'a b' })),
  survived('An Origin that is none', having({ Origin: 'no origin at all' })),
  survived('Host of 8,000 letters', having({ Host: long('a') })),
  refused('Upgrade of 8,000 letters', having({ Upgrade: long('websocket') })),
  refused('Connection of 8,000 letters', having({ Connection: long('Upgrade') })),
  refused('A key of 8,000 letters', having({ 'Sec-WebSocket-Key': key(LONG * 0.75) })),
  refused('A version of 8,000 digits', having({ 'Sec-WebSocket-Version': '13'.padEnd(LONG, '3') })),
  survived('Origin of 8,000 letters', having({ Origin: long('http://') })),
  survived('A subprotocol of 8,000 letters', having({ 'Sec-WebSocket-Protocol': long('p') })),
  anyOffer('An extension of 8,000 letters', long('permessage-deflate')),
]

export const serverHandshakeGroups: readonly Group[] = [
  group('H.1', 'What a request must have', required),
  group('H.2', 'Versions', versions),
  group('H.3', 'Right, though unusual', unusual),
  group('H.4', 'Malformed and huge', malformed),
  group('H.5', 'Subprotocols', protocols),
  group('H.6', 'Extensions', extensions),
  group('H.10', 'Every header of a request, doubled, malformed and huge', values),
]
