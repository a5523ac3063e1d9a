import type { Extension } from '../../../src/protocol/extension.js'
import type { AnswerCase, AnswerRule } from '../handshake-case.js'

const answered = (name: string, headers: NonNullable<AnswerCase['answer']>['headers']): AnswerCase => ({
  name,
  answer: { headers: headers ?? {} },
})
const failed = (name: string, headers: NonNullable<AnswerCase['answer']>['headers']): AnswerCase => ({
  ...answered(name, headers),
  fails: 101,
})

const extension: Extension = { name: 'known', offer: () => [[['mode', 'one']], []], start: () => ({}) }

const asked: readonly AnswerRule[] = [
  {
    section: '4.1',
    rule: 'The request is a GET in HTTP/1.1 for path and query of the URL (§3)',
    positive: [
      { name: 'no path', path: '', request: { line: 'GET / HTTP/1.1' } },
      { name: 'path and query', path: '/a/b?c=d&e', request: { line: 'GET /a/b?c=d&e HTTP/1.1' } },
      {
        name: 'what has to be encoded',
        path: '/ü?ü b',
        request: { line: 'GET /%C3%BC?%C3%BC%20b HTTP/1.1' },
      },
    ],
    negative: [
      { name: 'a fragment (§3)', path: '/#a', refused: 'RangeError' },
      { name: 'an empty fragment', path: '/#', refused: 'RangeError' },
    ],
  },
  {
    section: '4.1',
    rule: 'The request has Host, Upgrade, Connection, Sec-WebSocket-Key and Sec-WebSocket-Version',
    positive: [
      {
        name: 'all of them',
        request: {
          host: /^127\.0\.0\.1:\d+$/,
          upgrade: 'websocket',
          connection: 'Upgrade',
          'sec-websocket-key': /^[A-Za-z0-9+/]{21}[AQgw]==$/,
          'sec-websocket-version': '13',
        },
      },
      {
        name: 'and nothing that was not asked for',
        request: {
          origin: undefined,
          'sec-websocket-protocol': undefined,
          'sec-websocket-extensions': undefined,
          authorization: undefined,
        },
      },
    ],
    negative: [
      {
        name: 'a key of the application’s own',
        options: { headers: { 'Sec-WebSocket-Key': 'mine' } },
        refused: 'RangeError',
      },
      {
        name: 'a version of its own',
        options: { headers: { 'Sec-WebSocket-Version': '8' } },
        refused: 'RangeError',
      },
      { name: 'another Upgrade', options: { headers: { Upgrade: 'h2c' } }, refused: 'RangeError' },
      {
        name: 'a line slipped into a header',
        options: { headers: { A: 'b\r\nC: d' } },
        refused: 'RangeError',
      },
    ],
  },
  {
    section: '4.1',
    rule: 'Subprotocols are tokens, best first, each of them once',
    positive: [
      {
        name: 'two',
        options: { protocols: ['v2', 'v1'] },
        request: { 'sec-websocket-protocol': 'v2, v1' },
      },
    ],
    negative: [
      { name: 'the same twice', options: { protocols: ['a', 'b', 'a'] }, refused: 'RangeError' },
      { name: 'an empty one', options: { protocols: [''] }, refused: 'RangeError' },
      { name: 'a separator in it', options: { protocols: 'a,b' }, refused: 'RangeError' },
      { name: 'a space in it', options: { protocols: 'a b' }, refused: 'RangeError' },
    ],
  },
  {
    section: '4.1',
    rule: 'Origin is sent when there is one (§10.1), credentials when the URL has them (§10.5)',
    positive: [
      {
        name: 'an origin',
        options: { origin: 'https://a.example' },
        request: { origin: 'https://a.example' },
      },
      {
        name: 'a header of the application',
        options: { headers: { Cookie: 'a=b' } },
        request: { cookie: 'a=b' },
      },
    ],
    negative: [
      { name: 'a line slipped into the origin', options: { origin: 'a\nb' }, refused: 'RangeError' },
    ],
  },
]

const judged: readonly AnswerRule[] = [
  {
    section: '4.1',
    rule: '1: another status than 101 is no WebSocket',
    positive: [
      { name: '101', answer: {} },
      { name: 'another reason phrase', answer: { line: 'HTTP/1.1 101 Yes' } },
    ],
    negative: [200, 204, 301, 400, 401, 403, 404, 426, 500, 503].map((status) => ({
      name: String(status),
      answer: { line: `HTTP/1.1 ${status} No`, headers: { 'Content-Length': '0' } },
      fails: status,
    })),
  },
  {
    section: '4.1',
    rule: '2 and 3: Upgrade is websocket and Connection has Upgrade, in any case',
    positive: [
      answered('in capitals', { Upgrade: 'WebSocket', Connection: 'UPGRADE' }),
      answered('in a list', { Connection: 'keep-alive, upgrade' }),
      answered('names in another case', { UPGRADE: 'websocket', connection: 'Upgrade' }),
    ],
    negative: [
      failed('no Upgrade', { Upgrade: undefined }),
      failed('another protocol', { Upgrade: 'h2c' }),
      failed('a longer word', { Upgrade: 'websockets' }),
      failed('no Connection', { Connection: undefined }),
      failed('Connection without Upgrade', { Connection: 'keep-alive' }),
    ],
  },
  {
    section: '4.1',
    rule: '4: Sec-WebSocket-Accept answers the key that was sent, to the letter',
    positive: [answered('the right one', {})],
    negative: [
      failed('none', { 'Sec-WebSocket-Accept': undefined }),
      failed('an empty one', { 'Sec-WebSocket-Accept': '' }),
      failed('that of another key', { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }),
      failed('two', {
        'Sec-WebSocket-Accept': ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
      }),
    ],
  },
  {
    section: '4.1',
    rule: '5: the server chooses extensions only from among those offered (§9.1)',
    positive: [
      answered('none', { 'Sec-WebSocket-Extensions': undefined }),
      {
        ...answered('one that was offered', { 'Sec-WebSocket-Extensions': 'known; mode=one' }),
        options: { extensions: [extension] },
        request: { 'sec-websocket-extensions': 'known; mode=one, known' },
      },
    ],
    negative: [
      failed('one, when none was offered', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
      {
        ...failed('another one', { 'Sec-WebSocket-Extensions': 'other' }),
        options: { extensions: [extension] },
      },
      {
        ...failed('the same twice', { 'Sec-WebSocket-Extensions': 'known, known' }),
        options: { extensions: [extension] },
      },
      {
        ...failed('a list that cannot be read', { 'Sec-WebSocket-Extensions': 'known;;' }),
        options: { extensions: [extension] },
      },
    ],
  },
  {
    section: '4.1',
    rule: '6: the server chooses one subprotocol from among those asked for, or none',
    positive: [
      {
        ...answered('one', { 'Sec-WebSocket-Protocol': 'b' }),
        options: { protocols: ['a', 'b'] },
        protocol: 'b',
      },
      { ...answered('none', {}), options: { protocols: ['a', 'b'] }, protocol: '' },
    ],
    negative: [
      failed('one, when none was asked for', { 'Sec-WebSocket-Protocol': 'a' }),
      { ...failed('another one', { 'Sec-WebSocket-Protocol': 'c' }), options: { protocols: ['a', 'b'] } },
      { ...failed('in another case', { 'Sec-WebSocket-Protocol': 'A' }), options: { protocols: ['a', 'b'] } },
      { ...failed('two', { 'Sec-WebSocket-Protocol': 'a, b' }), options: { protocols: ['a', 'b'] } },
      {
        ...failed('two lines', { 'Sec-WebSocket-Protocol': ['a', 'b'] }),
        options: { protocols: ['a', 'b'] },
      },
    ],
  },
]

export const answersToUs: readonly AnswerRule[] = [...asked, ...judged]
