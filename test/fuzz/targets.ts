import assert from 'node:assert/strict'
import { deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib'
import { BodyReader, MAX_BODY_BYTES } from '../../src/client/http-body.js'
import { MAX_HEAD_BYTES, MAX_HEAD_LINES, ResponseReader } from '../../src/client/http-response.js'
import { followRedirect, type Route } from '../../src/client/redirect.js'
import { makeTarget } from '../../src/client/target.js'
import { agreementOf, answerOffer, checkAnswer, type ParamSettings } from '../../src/deflate/params.js'
import { HandshakeError, ProtocolError } from '../../src/errors.js'
import {
  acceptResponse,
  type ClientAgreement,
  type ClientOffer,
  type HandshakeResponse,
} from '../../src/handshake/client.js'
import { type ExtensionEntry, formatExtensions, parseExtensions } from '../../src/handshake/extensions.js'
import { answerFor } from '../../src/handshake/refusal.js'
import { encodeAcceptance, type HandshakeOffer, isRefusal, judge } from '../../src/handshake/server.js'
import { headerLines, listHas, parseTokenList } from '../../src/handshake/tokens.js'
import { ZlibInflater } from '../../src/node/inflater.js'
import type { Target } from './guided.js'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

// Second opinions on what stands in a header: by regular expressions, as nobody should read what strangers send.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const SPACE = '[ \\t]*'
const WORD = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[^"\\\\]|\\\\[\\s\\S])*"'
const EXTENSION = `${WORD}(?:${SPACE};${SPACE}${WORD}(?:${SPACE}=${SPACE}(?:${WORD}|${QUOTED}))?)*`
const listOf = (member: string): RegExp =>
  new RegExp(`^${SPACE}(?:,${SPACE})*${member}${SPACE}(?:,${SPACE}(?:${member}${SPACE})?)*$`)
const TOKENS = listOf(WORD)
const EXTENSIONS = listOf(EXTENSION)

/** Whether a quoted value is a token without its quotes, as it has to be (RFC 6455 §9.1). */
const quotesTokens = (text: string): boolean =>
  (text.match(new RegExp(QUOTED, 'g')) ?? []).every((quoted) =>
    TOKEN.test(quoted.slice(1, -1).replace(/\\([\s\S])/g, '$1')),
  )

const extensionList: Target = {
  name: 'the list of extensions',
  seeds: ['permessage-deflate; client_max_window_bits', 'a, b; c=d; e="f", a', ' ,a ; b = "c\\d" ,, e;f'],
  words: [',', ';', '=', '"', '\\', ' ', '\t', 'permessage-deflate', 'a', '"b"', '\x80', '\0'],
  run(input) {
    const text = latin1(input)
    const entries = parseExtensions(text)
    assert.equal(entries !== undefined, EXTENSIONS.test(text) && quotesTokens(text))
    if (entries === undefined) return
    assert.deepEqual(parseExtensions(formatExtensions(entries)), entries)
  },
}

const tokenList: Target = {
  name: 'a list of tokens',
  seeds: ['chat, superchat', ' ,a,\tb ,, c', 'upgrade'],
  words: [',', ' ', '\t', 'a', 'chat', '"', '\r\n', '\x7f'],
  run(input) {
    const text = latin1(input)
    const tokens = parseTokenList(text)
    assert.equal(tokens !== undefined, TOKENS.test(text))
    const members = text.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    if (tokens !== undefined)
      assert.deepEqual(
        tokens,
        members.filter((member) => member !== ''),
      )
    for (const word of [...members.slice(0, 3), 'upgrade'])
      assert.equal(
        listHas(text, word),
        members.some((member) => member.toLowerCase() === word.toLowerCase()),
      )
  },
}

const headersToWrite: Target = {
  name: 'headers that are to be written',
  seeds: ['Set-Cookie: a=b', 'X: y', 'X: a\r\nB: c'],
  words: ['\r\n', '\r', '\n', '\0', ': ', 'Host', '\x7f', '\x80', ' '],
  run(input) {
    const [name = '', ...rest] = latin1(input).split(': ')
    const value = rest.join(': ')
    const isFine = TOKEN.test(name) && /^[\t\x20-\x7e]*$/.test(value)
    const write = (): unknown => headerLines('headers', { [name]: [value] })
    if (isFine) assert.deepEqual(write(), [[name, value]])
    else assert.throws(write, { code: 'WS_ERR_ARGUMENT' })
  },
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const REQUEST = [
  'GET',
  'Host: example.com',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${KEY}`,
].join('\n')

/** Names and values of lines, as an HTTP parser hands them out. */
const fieldsOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()]
  })

function checkOffer(offer: HandshakeOffer): void {
  assert.equal(Buffer.from(offer.key, 'base64').length, 16)
  assert.match(offer.key, /^[+/0-9A-Za-z]{22}==$/)
  for (const one of offer.protocols) assert.match(one, TOKEN)
  assert.equal(new Set(offer.protocols).size, offer.protocols.length)
  const lines = [['X-Data', 'x']] as const
  const [protocol = ''] = offer.protocols
  const extensions = formatExtensions(offer.extensions.slice(0, 1))
  const bytes = Buffer.from(encodeAcceptance({ key: offer.key, protocol, extensions, lines }), 'latin1')
  const reader = new ResponseReader()
  const response = reader.append(bytes)
  const count = 4 + Number(protocol !== '') + Number(extensions !== '')
  assert.equal(response?.rawHeaders.length, 2 * count, 'the answer has lines of somebody else')
  assert.equal(reader.rest.length, 0)
}

const serverHandshake: Target = {
  name: 'the handshake that a server judges',
  seeds: [
    REQUEST,
    `${REQUEST}\nOrigin: https://example.com\nSec-WebSocket-Protocol: chat, b`,
    `${REQUEST}\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\nHost: b`,
    REQUEST.replace('13', '8').replace('GET', 'POST'),
  ],
  words: [
    ...[
      '\n',
      ': ',
      ', ',
      'GET',
      'HEAD',
      'Content-Length: 1\n',
      'Transfer-Encoding: chunked\n',
      'Origin: x\n',
    ],
    ...['Sec-WebSocket-Protocol: ', 'Sec-WebSocket-Extensions: ', 'Upgrade: ', 'websocket', 'h2c', '[::1]'],
    ...['Host: ', 'Connection: ', 'Sec-WebSocket-Version: 13', '\0', '\x80', KEY, '=='],
  ],
  run(input) {
    const [method, ...lines] = latin1(input).split('\n')
    const verdict = judge({ method, httpVersion: '1.1', rawHeaders: fieldsOf(lines) })
    if (!isRefusal(verdict)) return checkOffer(verdict)
    assert.ok([400, 405, 426].includes(verdict.status))
    const { lines: answered, body } = answerFor(verdict)
    for (const [name, value] of answered) assert.match(`${name}: ${value}`, /^[\x20-\x7e]+$/)
    assert.match(latin1(body), /^[\n\x20-\x7e]*$/, 'nothing of what came in goes back')
  },
}

const ANSWER =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'

const OFFER: ClientOffer = {
  host: 'example.com',
  key: KEY,
  origin: undefined,
  authorization: undefined,
  protocols: ['chat'],
  extensions: [{ extension: { name: 'e', offer: () => [[]], start: () => ({}) }, offers: [[]] }],
  headers: [],
}

interface Answered {
  readonly response?: HandshakeResponse
  readonly agreement?: ClientAgreement
  readonly rest?: string
  readonly error?: string
}

function readAnswer(pieces: readonly Buffer[]): Answered {
  const reader = new ResponseReader()
  try {
    for (const [i, piece] of pieces.entries()) {
      const response = reader.append(piece)
      if (response === undefined) continue
      const rest = latin1(Buffer.concat([reader.rest, ...pieces.slice(i + 1)]))
      return { response, rest, agreement: acceptResponse(response, OFFER) }
    }
    return {}
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error))
    assert.match(error.message, /^[\x20-\x7e§]+$/, 'what a server says must not reach a terminal as it is')
    return { error: error.message }
  }
}

const clientHandshake: Target = {
  name: 'the answer that a client judges',
  seeds: [
    `${ANSWER}\r\n\x81\x05hello`,
    `HTTP/1.1 100 Continue\r\n\r\n${ANSWER}Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: e\r\n\r\n`,
    'HTTP/1.1 302 Found\r\nLocation: /there\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n',
    'HTTP/1.0 404\r\nContent-Length: 3\r\n\r\nno\n',
  ],
  words: [
    ...['\r\n', '\r\n\r\n', '\n', '\r', ': ', '\0', '\x7f', '\xff', ' ', '\t', 'HTTP/1.1 ', '101', '999'],
    ...['Sec-WebSocket-Protocol: chat\r\n', 'Sec-WebSocket-Extensions: e\r\n', 'a: b\r\n'.repeat(140)],
    'x'.repeat(2_000),
  ],
  run(input, random) {
    const whole = readAnswer([input])
    assert.deepEqual(readAnswer(random.split(input)), whole, 'however it is cut')
    if (whole.response === undefined) return
    assert.ok(whole.response.rawHeaders.length <= 2 * MAX_HEAD_LINES)
    const head = latin1(input).slice(0, input.length - whole.rest!.length)
    assert.ok(head.endsWith('\r\n\r\n') && head.length <= 9 * MAX_HEAD_BYTES)
    assert.match(head, /(?:^|\r\n\r\n)HTTP\/1\.1 101(?: [^\r\n]*)?\r\n/)
    assert.ok(head.includes('s3pPLMBiTxaQ9kYGzzhZRbK+xOo='))
  },
}

const respond = (status: number, rawHeaders: readonly string[]): HandshakeResponse => ({
  version: '1.1',
  status,
  reason: '',
  headers: {},
  rawHeaders,
})

const responseBody: Target = {
  name: 'the body of a refusal',
  seeds: ['5\r\nhello\r\n0\r\n\r\n', '3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\n', 'hello'],
  words: ['\r\n', '0', 'f', 'ffffffffffffffff', ';', '\n', '10\r\n', ' '],
  run(input, random) {
    const fields = [['Transfer-Encoding', 'chunked'], ['Content-Length', '7'], []][input.length % 3]!
    const read = (pieces: readonly Buffer[]): readonly [string, boolean] => {
      const reader = new BodyReader(respond(404, fields))
      for (const piece of pieces) reader.append(piece)
      return [latin1(reader.body), reader.done]
    }
    const whole = read([input])
    assert.deepEqual(read(random.split(input)), whole)
    assert.ok(whole[0].length <= Math.min(input.length, MAX_BODY_BYTES))
  },
}

const ROUTE: Route = {
  target: makeTarget(new URL('wss://example.com/secret')),
  authorization: 'Basic c2VjcmV0',
  headers: [
    ['Cookie', 'secret'],
    ['X-Api-Key', 'secret'],
    ['User-Agent', 'fastws'],
  ],
  protocols: [],
  tls: { key: 'secret', ca: 'public' },
}

const redirects: Target = {
  name: 'where redirects lead, and with what',
  seeds: [
    '/there\nhttps://example.com:443/',
    'wss://other.example/\n/back\nwss://example.com',
    'ws://example.com',
  ],
  words: [
    '\n',
    '//',
    'wss:',
    'https://',
    'example.com',
    ':443',
    ':8443',
    '@',
    'user:x@',
    '.',
    '%2e',
    '\\',
    '[::1]',
  ],
  run(input) {
    let route: Route = { ...ROUTE, protocols: input.length % 2 === 0 ? [] : ['secret'] }
    let hasLeft = false
    for (const location of latin1(input).split('\n').slice(0, 6)) {
      try {
        route = followRedirect(route, respond(302, ['Location', location]))
      } catch (error) {
        assert.ok(error instanceof HandshakeError && error.code === 'WS_ERR_REDIRECT', String(error))
        return
      }
      const { url, secure } = route.target
      assert.ok(secure, 'nothing leads out of TLS')
      assert.deepEqual([url.username, url.password], ['', ''])
      hasLeft ||= url.hostname !== 'example.com' || !['', '443'].includes(url.port)
      const carried = JSON.stringify([route.authorization, route.headers, route.protocols, route.tls])
      assert.equal(/secret|c2VjcmV0/.test(carried), !hasLeft, `${url.href} gets ${carried}`)
    }
  },
}

const bits = (given: number): number => 8 + (given % 8)

/** Settings of a side, out of four bytes. */
const settingsOf = ([a = 0, b = 0, c = 0, d = 0]: Buffer): ParamSettings => ({
  serverNoContextTakeover: [undefined, true, false][a % 3],
  clientNoContextTakeover: [undefined, true, false][b % 3],
  serverMaxWindowBits: bits(c),
  clientMaxWindowBits: bits(d),
})

/** Parameters that mean something (RFC 7692 §7.1): each at most once, flags without a value, bits from 8 to 15. */
const isUnderstood = ({ params }: ExtensionEntry): boolean =>
  new Set(params.map(([name]) => name)).size === params.length &&
  params.every(([name, value]) => {
    if (/^(?:server|client)_no_context_takeover$/.test(name)) return value === undefined
    if (name === 'client_max_window_bits' && value === undefined) return true
    return /^(?:server|client)_max_window_bits$/.test(name) && /^(?:[89]|1[0-5])$/.test(value ?? '')
  })

const compressionParams: Target = {
  name: 'the parameters of permessage-deflate',
  seeds: [
    '\0\0\x07\x07x; client_max_window_bits',
    '\x01\x02\x02\x03x; server_max_window_bits=10; server_no_context_takeover; client_max_window_bits=9',
  ],
  words: [
    ...['; server_no_context_takeover', '; client_no_context_takeover', '; server_max_window_bits', '=8'],
    ...['; client_max_window_bits', '=15', '=16', '=', '="9"', '=08', '; x'],
  ],
  run(input) {
    const settings = settingsOf(input)
    const [entry] = parseExtensions(latin1(input.subarray(4))) ?? []
    if (entry === undefined) return
    const answer = answerOffer(entry.params, settings)
    const knowsBits = entry.params.some(([name]) => name === 'client_max_window_bits')
    const isPossible = knowsBits || settings.clientMaxWindowBits === 15
    assert.equal(answer !== undefined, isUnderstood(entry) && isPossible)
    const checked = checkAnswer(entry.params, settings)
    if (typeof checked !== 'string') {
      assert.ok(isUnderstood(entry), 'an answer that means nothing is taken')
      assert.ok(checked.server.windowBits <= settings.serverMaxWindowBits)
      assert.ok(checked.client.windowBits <= settings.clientMaxWindowBits)
    }
    if (answer === undefined) return
    const agreed = agreementOf(answer)
    assert.ok(typeof agreed !== 'string' && agreed.server.windowBits <= settings.serverMaxWindowBits)
    assert.ok(agreed.client.windowBits <= settings.clientMaxWindowBits)
  },
}

const TAIL = Buffer.from([0, 0, 0xff, 0xff])

/** What zlib makes of a message at one go, begun anew behind each final block; undefined for what is no message. */
function inflated(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let rest = Buffer.concat([bytes, TAIL])
  for (let finals = 0; finals <= 64; ) {
    try {
      const { buffer, engine } = inflateRawSync(rest, {
        info: true,
        finishFlush: zlib.Z_SYNC_FLUSH,
      }) as never as {
        buffer: Buffer
        engine: { bytesWritten: number }
      }
      parts.push(buffer)
      rest = rest.subarray(engine.bytesWritten)
    } catch {
      return undefined
    }
    if (rest.length > 0) finals++
    if (rest.length <= TAIL.length && finals <= 64) return Buffer.concat(parts)
  }
  return undefined
}

const message = (text: string): Buffer =>
  deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4)

const inflater: Target = {
  name: 'the inflater',
  seeds: [
    message('hello hello hello'),
    deflateRawSync('a final block'),
    Buffer.concat([deflateRawSync('one'), deflateRawSync('two')]),
    ...[64, 65].map((finals) => Buffer.alloc(2 * finals, deflateRawSync(''))),
    message('x'.repeat(100_000)),
    Buffer.from([0x00]),
    Buffer.from('f2480500', 'hex'),
  ],
  words: [TAIL, Buffer.from([3, 0]), Buffer.from([0x01, 0, 0, 0xff, 0xff]), Buffer.from([0x02, 0])],
  async run(input, random) {
    const expected = inflated(input)
    const limit = random.pick([0, 10, 1_000, 1 << 20])
    const tooLong = new ProtocolError('WS_ERR_MAX_MESSAGE', 1009, 'too long')
    const engine = new ZlibInflater(15, random.chance())
    try {
      const made = await engine.inflate(input, 0, input.length, true, (length) => {
        if (length > limit) throw tooLong
      })
      assert.deepEqual(Buffer.from(made), expected)
      assert.ok(made.length <= limit)
    } catch (error) {
      if (error === tooLong) assert.ok(expected === undefined || expected.length > limit)
      else if (error instanceof ProtocolError)
        assert.deepEqual([error.code, expected], ['WS_ERR_INFLATE', undefined])
      else throw error
    } finally {
      engine.close()
    }
  },
}

/** What reads the bytes of strangers, below the connection itself. */
export const parsers: readonly Target[] = [
  extensionList,
  tokenList,
  headersToWrite,
  serverHandshake,
  clientHandshake,
  responseBody,
  redirects,
  compressionParams,
  inflater,
]
