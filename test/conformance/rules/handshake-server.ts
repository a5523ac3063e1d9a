import type { Extension } from '../../../src/protocol/extension.js'
import { reject } from '../../../src/upgrade.js'
import type { RequestCase, RequestRule } from '../handshake-case.js'

const opens = (name: string, ...lines: string[]): RequestCase => ({ name, lines, status: 101 })
const bad = (name: string, ...lines: string[]): RequestCase => ({ name, lines, status: 400 })

const extension = (name: string): Extension => ({
  name,
  accept: () => [['mode', 'one']],
  start: () => ({}),
})

const fields: readonly RequestRule[] = [
  {
    section: '4.2.1',
    rule: '1: the request is a GET, HTTP/1.1 or higher, for a resource that is there',
    positive: [
      opens('GET /'),
      {
        name: 'a path and a query',
        start: 'GET /chat?room=1 HTTP/1.1',
        options: { path: '/chat' },
        status: 101,
      },
    ],
    negative: [
      { name: 'POST', start: 'POST / HTTP/1.1', status: 405, headers: { allow: 'GET' } },
      { name: 'HTTP/1.0', start: 'GET / HTTP/1.0', status: 400 },
      { name: 'another path', start: 'GET /other HTTP/1.1', options: { path: '/chat' }, status: 404 },
    ],
  },
  {
    section: '4.2.1',
    rule: '2: there is a Host',
    positive: [opens('with a port', 'Host: localhost:8080'), opens('an IPv6 address', 'Host: [::1]:80')],
    negative: [bad('none', 'Host'), bad('two', 'Host: a', 'Host: b')],
  },
  {
    section: '4.2.1',
    rule: '3: Upgrade names websocket, in any case',
    positive: [opens('in capitals', 'Upgrade: WebSocket'), opens('in a list', 'Upgrade: h2c, websocket')],
    negative: [
      { name: 'none', lines: ['Upgrade'], status: 426, headers: { upgrade: 'websocket' } },
      { name: 'another protocol', lines: ['Upgrade: h2c'], status: 426, headers: { upgrade: 'websocket' } },
      { name: 'a longer word', lines: ['Upgrade: websockets'], status: 426 },
    ],
  },
  {
    section: '4.2.1',
    rule: '4: Connection names Upgrade, in any case',
    positive: [
      opens('in small letters', 'Connection: upgrade'),
      opens('in a list', 'Connection: keep-alive, Upgrade'),
      opens('in a second line', 'Connection: keep-alive', 'Connection: Upgrade'),
    ],
    negative: [
      { name: 'none', lines: ['Connection'], status: 400 },
      { name: 'another option', lines: ['Connection: keep-alive'], status: 400 },
    ],
  },
  {
    section: '4.2.1',
    rule: '5: there is one Sec-WebSocket-Key, 16 bytes in base64 (§11.3.1)',
    positive: [
      opens('the key of §1.3'),
      opens('white space around it', 'Sec-WebSocket-Key:   dGhlIHNhbXBsZSBub25jZQ==  '),
    ],
    negative: [
      bad('none', 'Sec-WebSocket-Key'),
      bad('an empty one', 'Sec-WebSocket-Key: '),
      bad(
        'two',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ),
      bad('15 bytes', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j'),
      bad('17 bytes', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE='),
      bad('no base64', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!=='),
      bad('without padding', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ'),
    ],
  },
  {
    section: '4.4',
    rule: 'Another version than 13 is answered with the one that is spoken (§4.2.2)',
    positive: [opens('13', 'Sec-WebSocket-Version: 13')],
    negative: [
      ...['0', '8', '12', '14', '25', '255'].map(
        (version): RequestCase => ({
          name: version,
          lines: [`Sec-WebSocket-Version: ${version}`],
          status: 426,
          headers: { 'sec-websocket-version': '13', upgrade: 'websocket' },
        }),
      ),
      bad('none', 'Sec-WebSocket-Version'),
      bad('two of them', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 12'),
      ...['013', '256', '13, 8', '+13', '1.3', 'thirteen'].map((version) =>
        bad(version, `Sec-WebSocket-Version: ${version}`),
      ),
    ],
  },
]

const choices: readonly RequestRule[] = [
  {
    section: '4.2.2',
    rule: '5: the answer is 101 with Upgrade, Connection and Sec-WebSocket-Accept',
    positive: [
      {
        name: 'the key of §1.3',
        status: 101,
        headers: { 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' },
      },
      {
        name: 'nothing more than was asked for',
        status: 101,
        headers: { 'sec-websocket-protocol': undefined, 'sec-websocket-extensions': undefined },
      },
    ],
    negative: [{ name: 'no WebSocket: no 101', lines: ['Upgrade', 'Connection'], status: 426 }],
  },
  {
    section: '4.2.2',
    rule: '4: the subprotocol is one that the client offered, or none (§11.3.4)',
    positive: [
      {
        name: 'the first of ours that was offered',
        options: { protocols: ['v2', 'v1'] },
        lines: ['Sec-WebSocket-Protocol: v1, v2'],
        status: 101,
        headers: { 'sec-websocket-protocol': 'v2' },
      },
      {
        name: 'offers in several lines',
        options: { protocols: ['v1'] },
        lines: ['Sec-WebSocket-Protocol: v3', 'Sec-WebSocket-Protocol: v1'],
        status: 101,
        headers: { 'sec-websocket-protocol': 'v1' },
      },
    ],
    negative: [
      {
        name: 'none that we know was offered',
        options: { protocols: ['v1'] },
        lines: ['Sec-WebSocket-Protocol: V1, v11'],
        status: 101,
        headers: { 'sec-websocket-protocol': undefined },
      },
      {
        name: 'none was offered',
        options: { protocols: ['v1'] },
        status: 101,
        headers: { 'sec-websocket-protocol': undefined },
      },
      bad('the same twice', 'Sec-WebSocket-Protocol: v1, v1'),
      bad('no token', 'Sec-WebSocket-Protocol: v(1)'),
      bad('nothing in the list', 'Sec-WebSocket-Protocol: '),
    ],
  },
  {
    section: '9.1',
    rule: 'Extensions are accepted from among those offered, and named in the answer (§11.3.2)',
    positive: [
      {
        name: 'one that both know',
        options: { extensions: [extension('known')] },
        lines: ['Sec-WebSocket-Extensions: unknown; a=1, known; b="2"'],
        status: 101,
        headers: { 'sec-websocket-extensions': 'known; mode=one' },
      },
      {
        name: 'offers in several lines',
        options: { extensions: [extension('known')] },
        lines: ['Sec-WebSocket-Extensions: unknown', 'Sec-WebSocket-Extensions: known'],
        status: 101,
        headers: { 'sec-websocket-extensions': 'known; mode=one' },
      },
    ],
    negative: [
      {
        name: 'one that we do not know',
        options: { extensions: [extension('known')] },
        lines: ['Sec-WebSocket-Extensions: unknown'],
        status: 101,
        headers: { 'sec-websocket-extensions': undefined },
      },
      {
        name: 'none was offered',
        options: { extensions: [extension('known')] },
        status: 101,
        headers: { 'sec-websocket-extensions': undefined },
      },
      ...['', ';', 'a;', 'a; =1', 'a; b=', 'a; b="', 'a; b="not a token"', 'a b'].map((list) =>
        bad(`a list that cannot be read: '${list}'`, `Sec-WebSocket-Extensions: ${list}`),
      ),
    ],
  },
  {
    section: '10.2',
    rule: 'A page of another origin is refused with 403 (§4.2.2), unless it is trusted',
    positive: [
      opens('no Origin: no browser'),
      opens('the same origin', 'Origin: http://localhost'),
      {
        name: 'a listed one',
        options: { origins: ['https://a.example'] },
        lines: ['Origin: https://a.example'],
        status: 101,
      },
      { name: 'any', options: { origins: '*' }, lines: ['Origin: https://a.example'], status: 101 },
    ],
    negative: [
      { name: 'another host', lines: ['Origin: http://a.example'], status: 403 },
      { name: 'another port', lines: ['Origin: http://localhost:1'], status: 403 },
      { name: 'an opaque one', lines: ['Origin: null'], status: 403 },
      {
        name: 'one that is not listed',
        options: { origins: ['https://a.example'] },
        lines: ['Origin: https://b.example'],
        status: 403,
      },
      {
        name: 'the beginning of a listed one',
        options: { origins: ['https://a.example'] },
        lines: ['Origin: https://a.example.b.example'],
        status: 403,
      },
    ],
  },
  {
    section: '10.5',
    rule: 'Any HTTP authentication can be asked for: 401 instead of 101 (§4.2.2)',
    positive: [
      {
        name: 'credentials that are right',
        options: {
          accept: (request) => (request.headers.authorization === 'Basic YTpi' ? undefined : reject(401)),
        },
        lines: ['Authorization: Basic YTpi'],
        status: 101,
      },
    ],
    negative: [
      {
        name: 'none',
        options: { accept: () => reject(401, { headers: { 'WWW-Authenticate': 'Basic realm="a"' } }) },
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="a"' },
      },
      { name: 'asked for in time', options: { accept: async () => reject(403) }, status: 403 },
    ],
  },
]

export const requests: readonly RequestRule[] = [...fields, ...choices]
