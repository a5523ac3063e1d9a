import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { encodeFrame, Frame, Opcode } from '../../src/frame/index.js'
import { UsageError } from '../../src/tools/command.js'
import { looksLikeHex, parseHex } from '../../src/tools/dump/hex.js'
import { main } from '../../src/tools/main.js'
import { helloRecord } from './hello.js'
import { runMain } from './run-main.js'
import { PROGRAM } from './run-tool.js'
import { folderFor, startProgram, written } from './wire-program.js'

/** What a run with something on stdin comes to. */
async function pipe(
  input: Buffer | string,
  ...args: string[]
): Promise<{ code: number; lines: string[]; notes: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const stdin = Readable.from([Buffer.from(input)], { objectMode: false })
  const code = await main(['dump', ...args], { stdin, stdout, stderr })
  const text = written(stdout)
  return { code, lines: text === '' ? [] : text.trimEnd().split('\n'), notes: written(stderr) }
}

const HELLO = '818537fa213d7f9f4d5158'

describe('parseHex', () => {
  const all = (text: string): string =>
    Buffer.concat(parseHex(text).map(({ bytes }) => bytes)).toString('hex')

  for (const [name, text] of [
    ['plain digits', HELLO],
    ['spaces', '81 85 37 fa 21 3d 7f 9f 4d 51 58'],
    ['colons', '81:85:37:FA:21:3D:7F:9F:4D:51:58'],
    ['0x and commas', '{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}'],
    ['a string of C', '"\\x81\\x85\\x37\\xfa\\x21\\x3d\\x7f\\x9f\\x4d\\x51\\x58"'],
    ['a hex number', `0x${HELLO}`],
    ['comments', '# a text\n81 85 // fin, text\n37fa213d ; key\n\n7f9f4d5158 # Hello'],
    ['xxd', '00000000: 8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX'],
    ['xxd -g1', '00000000: 81 85 37 fa 21 3d 7f 9f 4d 51 58                 ..7.!=..MQX'],
    ['hexdump -C', '00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58                 |..7.!=..MQX|\n0000000b'],
    ['od -A x -t x1', '000000 81 85 37 fa 21 3d 7f 9f 4d 51 58\n00000b'],
    ['tcpdump -x', '\t0x0000:  8185 37fa 213d 7f9f 4d51 58'],
    ['tcpdump -X', '\t0x0000:  8185 37fa 213d 7f9f 4d51 58         ..7.!=..MQX'],
    ['Wireshark', '0000   81 85 37 fa 21 3d 7f 9f 4d 51 58               ..7.!=..MQX'],
    ['several lines of a dump', '0000: 8185 37fa  ..7.\n0004: 213d 7f9f  !=..\n0008: 4d51 58    MQX'],
    ['Windows line ends', '81 85 37 fa\r\n21 3d 7f 9f 4d 51 58\r\n'],
  ] as const)
    test(`reads ${name}`, () => assert.equal(all(text), HELLO))

  test('reads a whole row whose characters look like digits', () => {
    const row = '61'.repeat(16)
    assert.equal(all(`00000000: ${'6161 '.repeat(8)} aaaaaaaaaaaaaaaa`), row)
    assert.equal(all(`00000000  ${'61 '.repeat(8)} ${'61 '.repeat(8)} |aaaaaaaaaaaaaaaa|`), row)
  })

  test('takes no more of a row than a dump shows', () => {
    assert.equal(all(`00000000: ${'6161 '.repeat(8)}6161 aa`), '61'.repeat(16))
    assert.deepEqual(parseHex('\n'), [])
  })

  test('tells both directions apart', () => {
    assert.deepEqual(
      parseHex('> 8180\n  00000000\n< 8100').map(({ direction, bytes }) => [
        direction,
        bytes.toString('hex'),
      ]),
      [
        ['sent', '818000000000'],
        ['received', '8100'],
      ],
    )
  })

  test('says what is no hex, and where', () => {
    assert.throws(() => parseHex('81\n8x'), new UsageError("line 2: 'x' is no hex digit"))
    assert.throws(() => parseHex('818'), new UsageError('3 hex digits make no whole bytes'))
  })

  test('is not asked to read what looks otherwise', () => {
    for (const text of ['GET / HTTP/1.1', '', 'zz']) assert.equal(looksLikeHex(text), false, text)
    for (const text of ['# x\n81', '00000000: 8185 zz', '81:85']) assert.equal(looksLikeHex(text), true, text)
  })
})

describe('fastws dump', () => {
  test('tells its options', async () => {
    const { code, stdout } = await runMain('dump', '--help')
    assert.equal(code, 0)
    for (const option of ['--from SIDE', '--extensions TEXT', '--short', '--json', '--help'])
      assert.ok(stdout.includes(`  ${option} `), option)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })

  for (const [args, message] of [
    [['zz'], /'zz' is neither a file nor bytes in hex/],
    [['81', '8'], /3 hex digits make no whole bytes/],
    [['81', '--from', 'me'], /--from must be 'client' or 'server'/],
    [['81', '--from', 'constructor'], /--from must be 'client' or 'server'/],
    [['81', '--as', 'pcap'], /--as must be one of hex, binary, recording/],
    [['nowhere', '--as', 'binary'], /there is no file 'nowhere'/],
    [['nowhere', '--as', 'hex'], /'nowhere' is neither a file nor bytes in hex/],
    [
      ['81', '--extensions', 'permessage-deflate; x'],
      /--extensions: The server answers with the parameter 'x'/,
    ],
    [
      ['81', '--extensions', 'permessage-deflate; server_max_window_bits'],
      /--extensions: .* server_max_window_bits/,
    ],
    [
      ['81', '--extensions', 'permessage-deflate, permessage-deflate'],
      /--extensions: The server accepts .* twice/,
    ],
    [['81', '--max-frame', '-1'], /--max-frame/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stdout, stderr } = await runMain('dump', ...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })

  test('takes a frame apart, byte by byte', async () => {
    const { code, stdout } = await runMain('dump', HELLO)
    assert.equal(code, 0)
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      '> text fin masked 37fa213d 5 bytes "Hello" at byte 0',
      '    81                            fin=1 rsv=000 opcode=1',
      '    85                            mask=1 length=5',
      '    37 fa 21 3d                   masking key',
      '    000000  48 65 6c 6c 6f                                   Hello',
    ])
  })

  test('shows fragments, and what they make together', async () => {
    const { lines, code } = await pipe('01 03 48 65 6c 89 00 80 02 6c 6f', '--short')
    assert.equal(code, 0)
    assert.deepEqual(lines, [
      '< text 3 bytes "Hel"',
      '< ping fin 0 bytes',
      '< continuation fin 2 bytes "lo"',
      '    message of 5 bytes "Hello"',
    ])
  })

  for (const [name, hex, fault, ...args] of [
    [
      'a client that does not mask',
      '8100',
      'A client must mask what it sends (RFC 6455 §5.1)',
      '--from',
      'client',
    ],
    [
      'a server that masks',
      '818000000000',
      'A server must not mask what it sends (RFC 6455 §5.1)',
      '--from',
      'server',
    ],
    ['RSV1 without a handshake', 'c100', 'RSV1 is set, and no handshake tells why (RFC 6455 §5.2)'],
    [
      'RSV1 that was not agreed on',
      'c100',
      'RSV1 is set, and no extension was agreed on',
      '--extensions',
      '',
    ],
    [
      'RSV1 on a ping',
      'c900',
      'RSV1 is set on a control frame (RFC 7692 §6.1)',
      '--extensions',
      'permessage-deflate',
    ],
    [
      'RSV1 on a continuation',
      '0100 c000',
      'RSV1 is set on a continuation (RFC 7692 §6.1)',
      '--extensions',
      'permessage-deflate',
    ],
    ['RSV2', 'a100', 'RSV2 is set'],
    ['RSV3', '9100', 'RSV3 is set'],
    ['a reserved opcode', '8300', 'Opcode is reserved 0x3 (RFC 6455 §5.2)'],
    [
      'a length that is too long',
      '827e0001aa',
      'Length 1 is written in 16 bits: fewer are enough (RFC 6455 §5.2)',
    ],
    ['a continuation of nothing', '8000', 'Continuation of nothing: no message is under way (RFC 6455 §5.4)'],
    [
      'a message inside of another',
      '0100 8100',
      'A message begins before the one before it has ended (RFC 6455 §5.4)',
    ],
    ['a fragmented ping', '0900', 'A control frame must not be fragmented (RFC 6455 §5.5)'],
    [
      'a long ping',
      `897e007e${'00'.repeat(126)}`,
      'A control frame has 126 bytes: 125 are allowed (RFC 6455 §5.5)',
    ],
    ['half a close code', '880103', 'Close frame has a payload of 1 byte (RFC 6455 §5.5.1)'],
    ['a close code that may not travel', '880203ed', 'Close code 1005 may not be sent (RFC 6455 §7.4)'],
    ['a frame behind Close', '8800 8900', 'Nothing may be sent after Close (RFC 6455 §5.5.1)'],
    ['a text that is not UTF-8', '8101ff', 'A text is not UTF-8 (RFC 6455 §8.1)'],
    ['a broken compression', 'c10107', 'Cannot inflate: ', '--extensions', 'permessage-deflate'],
    [
      'what looks back at a broken one',
      'c10107 c107f248cdc9c90700',
      'Cannot inflate: it looks back at a message that is missing',
      '--extensions',
      'permessage-deflate',
    ],
    ['parameters that do not exist', 'GET', 'The server answers with the parameter', '--extensions', 'x'],
  ] as const)
    test(`says what is wrong with ${name}`, async () => {
      const input =
        hex === 'GET'
          ? 'HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate; a=b\r\n\r\n'
          : Buffer.from(hex.replaceAll(' ', ''), 'hex')
      const { code, lines } = await pipe(input, '--short', ...args)
      assert.equal(code, 1)
      const faults = lines.filter((line) => line.startsWith('    ! '))
      assert.ok(
        faults.some((line) => line.slice(6).startsWith(fault)),
        lines.join('\n'),
      )
    })

  test('takes the bits of an extension that it does not know as they come', async () => {
    const { code } = await pipe(Buffer.from('f38000000000', 'hex'), '--extensions', 'x-own', '--short')
    assert.equal(code, 0)
  })

  test('says where a frame ends too early, and what is missing of it', async () => {
    const { code, lines } = await pipe(Buffer.from(`${HELLO}8185aa`, 'hex'), '--short')
    assert.equal(code, 1)
    assert.equal(
      lines[1],
      '! byte 11 from the client: A frame is not whole: 3 bytes of it are there, 3 are missing at least',
    )
  })

  test('says where it cannot go on', async () => {
    const { code, lines } = await pipe(Buffer.from(`8100827f${'ff'.repeat(8)}8100`, 'hex'), '--short')
    assert.equal(code, 1)
    assert.deepEqual(lines, [
      '< text fin 0 bytes',
      '! byte 2 from the server: The length is no length (RFC 6455 §5.2)',
    ])
  })

  test('steps over what is too long, and finds what comes behind', async () => {
    const { code, lines } = await pipe(
      Buffer.from(`8205${'00'.repeat(5)}820100`, 'hex'),
      '--short',
      '--max-frame',
      '4',
    )
    assert.equal(code, 1)
    assert.deepEqual(lines, [
      '< binary fin 5 bytes (but 0 follow)',
      '    ! The payload is not shown: the limit is 4 bytes',
      '< binary fin 1 byte 00',
    ])
  })

  test('takes what a request offers for what was agreed on, where it was copied from there', async () => {
    const offer = 'permessage-deflate; client_max_window_bits'
    const { code, lines } = await pipe(
      Buffer.from('c107f248cdc9c90700', 'hex'),
      '--extensions',
      offer,
      '--short',
    )
    assert.equal(code, 0)
    assert.deepEqual(lines, ['< text fin rsv1 7 bytes f248cdc9c90700 inflated 5 bytes "Hello"'])
  })

  test('inflates with context takeover, each direction with its own parameters', async () => {
    const inflated = (hex: string, ...args: string[]): Promise<string[]> =>
      pipe(hex, '--short', ...args).then(({ lines }) =>
        lines.map((line) => /inflated.*|! .*/.exec(line)?.[0] ?? ''),
      )
    const twice = 'c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00'
    const whole = 'inflated 5 bytes "Hello"'
    assert.deepEqual(await inflated(twice, '--extensions', 'permessage-deflate'), [whole, whole])
    const client = 'permessage-deflate; client_no_context_takeover'
    assert.deepEqual(await inflated(twice, '--extensions', client), [whole, whole])
    const server = 'permessage-deflate; server_no_context_takeover'
    const [first, second, fault] = await inflated(twice, '--extensions', server)
    assert.deepEqual([first, second], [whole, ''])
    assert.match(fault ?? '', /^! Cannot inflate: .*far back/)
  })

  test('takes what a handshake in front of the frames agrees on', async () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
    const bytes = Buffer.concat([Buffer.from(head), Buffer.from('c107f248cdc9c90700', 'hex')])
    const { code, lines } = await pipe(bytes, '--short')
    assert.equal(code, 0)
    assert.deepEqual(lines, [
      '* HTTP/1.1 101 Switching Protocols',
      '    < Sec-WebSocket-Extensions: permessage-deflate',
      '< text fin rsv1 7 bytes f248cdc9c90700 inflated 5 bytes "Hello"',
    ])
  })

  test('takes what a request offers where there is no answer', async () => {
    const head =
      'GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x\r\n\r\n'
    const frame = new Frame({
      opcode: Opcode.Text,
      rsv1: true,
      masked: true,
      maskKey: 1,
      payload: Buffer.from('f248cdc9c90700', 'hex'),
    })
    const { code, lines } = await pipe(Buffer.concat([Buffer.from(head), encodeFrame(frame)]), '--short')
    assert.equal(code, 0)
    assert.match(lines.at(-1) ?? '', /^> text .* inflated 5 bytes "Hello"$/)
  })

  test('follows both directions where they are told apart', async () => {
    const request =
      'GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
    const response =
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 x\r\nSec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate, x-other\r\n\r\n'
    const hex = (text: string): string => Buffer.from(text).toString('hex')
    const text = `> ${hex(request)}\n> ${HELLO}\n< ${hex(response)}\n< c107f248cdc9c90700`
    const { code, lines } = await pipe(text, '--short')
    assert.equal(code, 1)
    assert.deepEqual(
      lines.filter((line) => line.startsWith('    ! ')).map((line) => line.slice(6)),
      [
        'Sec-WebSocket-Accept does not fit the key (RFC 6455 §4.1)',
        'The answer has no Upgrade: websocket (RFC 6455 §4.1)',
        'The answer has no Connection: Upgrade (RFC 6455 §4.1)',
        'An extension was accepted that was not offered (RFC 6455 §4.1)',
        'A subprotocol was chosen that was not offered (RFC 6455 §4.1)',
      ],
    )
    assert.deepEqual(lines.slice(-2), [
      '> text fin masked 37fa213d 5 bytes "Hello"',
      '< text fin rsv1 7 bytes f248cdc9c90700 inflated 5 bytes "Hello"',
    ])
  })

  for (const [name, text, message] of [
    [
      'a request for something else',
      'GET /page HTTP/1.1\r\nHost: x\r\n\r\n',
      "! byte 0 from the client: 'GET /page HTTP/1.1' asks for no WebSocket",
    ],
    [
      'a head that is not whole',
      'HTTP/1.1 101 Switching',
      '! byte 0 from the server: The head of HTTP is not whole: 22 bytes are there',
    ],
    [
      'a head without an end',
      `GET /${'x'.repeat(70_000)}`,
      '! byte 0 from the client: This is no head of HTTP',
    ],
  ] as const)
    test(`says that it has ${name} before it`, async () => {
      const { code, lines } = await pipe(text, '--as', 'binary')
      assert.deepEqual([code, lines], [1, [message]])
    })

  test('shows a refused handshake', async () => {
    const { code, lines } = await pipe('HTTP/1.1 403 Forbidden\r\n\r\nbody', '--as', 'binary')
    assert.deepEqual([code, lines], [0, ['* HTTP/1.1 403 Forbidden']])
  })

  test('escapes what a terminal might obey', async () => {
    const { lines } = await pipe(Buffer.from(`8104${Buffer.from('\u001b[2J').toString('hex')}`, 'hex'))
    assert.ok(lines.every((line) => [...line].every((character) => character >= ' ')))
    assert.match(lines[0] ?? '', /"\\u001b\[2J"/)
  })

  test('prints records for programs', async () => {
    const { lines } = await pipe(`${HELLO}8185aa`, '--json')
    const [frame, stop, ...more] = lines.map((line) => JSON.parse(line))
    assert.deepEqual(more, [])
    assert.deepEqual(frame, { ...helloRecord, at: null, conn: 1, offset: 0, skipped: false, faults: [] })
    const { reason, ...where } = stop
    assert.deepEqual(where, { type: 'stop', conn: 1, at: null, direction: 'sent', offset: 11 })
    assert.match(reason, /^A frame is not whole/)
  })

  test('reads files, whatever is in them', async (t) => {
    const folder = folderFor(t)
    const binary = join(folder, 'frames.bin')
    const hex = join(folder, 'frames.txt')
    writeFileSync(binary, Buffer.from(HELLO, 'hex'))
    writeFileSync(hex, `# a text\n${HELLO}\n`)
    const { stdout } = await runMain('dump', HELLO)
    for (const path of [binary, hex]) assert.equal((await runMain('dump', path)).stdout, stdout, path)
    assert.equal((await pipe(Buffer.from(HELLO, 'hex'), '-')).lines.join('\n'), stdout.trimEnd())
    assert.equal((await runMain('dump', '--as', 'hex', hex)).stdout, stdout)
    assert.equal((await runMain('dump', '--as', 'hex', HELLO)).stdout, stdout)
  })

  test('takes an argument of hex digits for a file of that name, unless it is told not to', (t) => {
    const folder = folderFor(t)
    writeFileSync(join(folder, '8100'), Buffer.from(HELLO, 'hex'))
    const dumped = (...args: string[]): string =>
      spawnSync(process.execPath, [PROGRAM, 'dump', '--short', ...args], { cwd: folder, encoding: 'utf8' })
        .stdout
    assert.match(dumped('8100'), /5 bytes "Hello"/)
    assert.match(dumped('--as', 'hex', '8100'), /0 bytes/)
  })

  for (const magic of ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a'])
    test(`says what to do with a capture that begins with ${magic}`, async () => {
      const capture = Buffer.from(`${magic}0002000400000000`, 'hex')
      const { code, lines, notes } = await pipe(capture)
      assert.deepEqual([code, lines], [2, []])
      assert.match(notes, /this is a capture of packets, and frames are wanted: tshark -r FILE /)
      assert.notEqual((await pipe(capture, '--as', 'binary')).code, 2)
    })

  test('reads no more than it can hold, from a file and from a pipe', async (t) => {
    const path = join(folderFor(t), 'large.bin')
    writeFileSync(path, '')
    truncateSync(path, (256 << 20) + 1)
    const { code, stderr } = await runMain('dump', path)
    assert.equal(code, 2)
    assert.match(stderr, /more than 268435456 bytes: no more can be read/)
    const piece = Buffer.alloc(64 << 20)
    const [stdout, notes] = [new PassThrough(), new PassThrough()]
    const stdin = Readable.from([piece, piece, piece, piece, 'x'])
    assert.equal(await main(['dump'], { stdin, stdout, stderr: notes }), 2)
    assert.match(written(notes), /there are more than 268435456 bytes/)
  })

  test('shows as much of a payload as it is told to', async () => {
    const { lines } = await pipe(HELLO, '--short', '--shown', '2')
    assert.match(lines[0] ?? '', /5 bytes "He"…/)
  })

  test('shows many frames, and stops when nobody reads any more', async () => {
    const many = Buffer.from('8100'.repeat(1000), 'hex')
    assert.equal((await pipe(many, '--short')).lines.length, 1000)
    const [stdout, stderr] = [new PassThrough({ highWaterMark: 1 << 20 }), new PassThrough()]
    stdout.once('data', () => stdout.emit('error', new Error('EPIPE')))
    const code = await main(['dump', '--short'], { stdin: Readable.from([many]), stdout, stderr })
    assert.equal(code, 141)
  })

  test('does not begin where nobody reads', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = main(['dump', HELLO], { stdout, stderr })
    stdout.emit('error', new Error('EPIPE'))
    assert.equal(await code, 141)
    assert.equal(written(stdout), '')
  })

  test('finds nothing in nothing', async () => {
    assert.deepEqual(await pipe(''), { code: 1, lines: [], notes: 'fastws dump: there is nothing to show\n' })
  })

  test('says what is wrong with a recording', async () => {
    assert.match((await pipe('{"type":"session"}\n{"type"\n')).notes, /this is no recording: line 2: /)
    assert.match((await pipe('{"type":"session"}\n{"type"\n{}')).notes, /this is no recording: line 2: /)
    assert.match((await pipe('\n{"type":"session"')).notes, /this is no recording: line 2: /)
    assert.match((await pipe('{"log":{"entries":[]}}')).notes, /no entry of this HAR has _webSocketMessages/)
    assert.match((await pipe('{}\n[]')).notes, /line 2: this is no record/)
  })

  test('shows a recording up to a last line that is cut off', async () => {
    const whole = '{"type":"session"}\r\n\n{"type":"end","sent":1,"received":2,"how":"end"}\n'
    const { lines } = await pipe(whole)
    assert.equal(lines.length, 1)
    for (const cut of ['{', '{"type":"end","sent":1,"received":2'])
      assert.deepEqual(await pipe(whole + cut), {
        code: 1,
        lines,
        notes: 'fastws dump: line 4, the last one, is cut off: it is left out\n',
      })
    const noEnd = await pipe(whole.trimEnd())
    assert.deepEqual([noEnd.code, noEnd.lines, noEnd.notes], [0, lines, ''])
    const { notes } = await pipe('{"type":"session"}\n{"type"')
    assert.match(notes, /there is nothing to show\n.* line 2, the last one, is cut off/)
  })

  test('shows the HAR of a browser', async () => {
    const har = {
      log: {
        entries: [
          { request: { url: 'http://localhost/' } },
          {
            startedDateTime: '2024-05-01T10:00:00.000Z',
            request: {
              url: 'ws://localhost:8080/chat?a=b',
              headers: [{ name: 'Host', value: 'localhost:8080' }],
            },
            response: { status: 101, headers: [{ name: 'Upgrade', value: 'websocket' }] },
            _webSocketMessages: [
              { type: 'send', time: 1714557600.25, opcode: 1, data: 'Grüße' },
              { type: 'receive', time: 1714557600.5, opcode: 2, data: 'AQID' },
            ],
          },
        ],
      },
    }
    const { code, lines } = await pipe(JSON.stringify(har, null, 2), '--short')
    assert.equal(code, 0)
    assert.deepEqual(lines, [
      '      0.0 ms * GET /chat?a=b HTTP/1.1 -> HTTP/1.1 101',
      '    > Host: localhost:8080',
      '    < Upgrade: websocket',
      '    250.0 ms > text fin masked 00000000 7 bytes "Grüße"',
      '    500.0 ms < binary fin 3 bytes 010203',
    ])
  })

  test('ends when nobody reads its output any more', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'many.bin')
    writeFileSync(path, Buffer.alloc(400_000, Buffer.from('8900', 'hex')))
    const { child, exit } = startProgram(t, ['dump', path])
    child.stdout.once('data', () => child.stdout.destroy())
    assert.equal(await exit, 141)
  })

  test('inflates what is long, and in fragments', async () => {
    const text = 'fastws '.repeat(2000)
    const payload = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
    const frames = [
      new Frame({ opcode: Opcode.Text, fin: false, rsv1: true, payload: payload.subarray(0, 5) }),
      new Frame({ opcode: Opcode.Continuation, fin: true, payload: payload.subarray(5) }),
    ]
    const { lines } = await pipe(
      Buffer.concat(frames.map(encodeFrame)),
      '--json',
      '--extensions',
      'permessage-deflate',
    )
    const [first, last] = lines.map((line) => JSON.parse(line))
    assert.equal(first.inflated, null)
    assert.deepEqual(last.inflated, { encoding: 'utf8', payload: text })
  })
})
