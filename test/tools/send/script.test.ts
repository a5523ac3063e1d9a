import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { encodeFrame, type Frame } from '../../../src/frame/index.js'
import { parseScript } from '../../../src/tools/send/parser.js'
import { ScriptError, type Statement } from '../../../src/tools/send/script.js'

/** The frame of a script of one statement. */
function frameOf(script: string): Frame {
  const [statement, ...more] = parseScript(script)
  assert.equal(more.length, 0)
  assert.equal(statement?.do, 'frame')
  return (statement as Statement & { readonly do: 'frame' }).frame
}

describe('parseScript reads frames', () => {
  for (const [script, hex] of [
    ['text mask=off "Hello"', '810548656c6c6f'],
    ['text mask=37fa213d "Hello"', '818537fa213d7f9f4d5158'],
    ['text mask=off fin=0 "Hel"', '010348656c'],
    ['cont mask=off "lo"', '80026c6f'],
    ['ping mask=off hex:01ff', '890201ff'],
    ['pong mask=off base64:Af8=', '8a0201ff'],
    ['close mask=off', '8800'],
    ['close mask=off 1000 "bye"', '880503e8627965'],
    ['close mask=off 5', '88020005'],
    ['close mask=off hex:03', '880103'],
    ['binary mask=off rsv1 rsv3 "a" hex:00', 'd2026100'],
    ['binary mask=off rsv=7 rsv2=0', 'd200'],
    ['frame mask=off opcode=0xb', '8b00'],
    ['text mask=off opcode=3', '8300'],
    ['text mask=off len=126 bits=7', '817e'],
    ['text mask=off len=5 bits=64 "a"', '817f000000000000000561'],
    ['text mask=off size=3 "ab"', '8103616261'],
    ['text mask=off size=2', '81027878'],
    ['text mask=off size=0 "ab"', '8100'],
    ["text mask=off hex:'01 ff'", '810201ff'],
    [
      "text mask=off 'it\\'s' \"\\x00\\u{e9}\\u00e9\\n\\\\\"",
      '810b69742773 00c3a9c3a90a5c'.replaceAll(' ', ''),
    ],
  ] as const)
    test(`'${script}'`, () => assert.equal(encodeFrame(frameOf(script)).toString('hex'), hex))

  test('compressed ones', () => {
    const frame = frameOf('text deflate size=100 "ab"')
    assert.ok(frame.rsv1 && frame.payload.length < 20)
    const data = inflateRawSync(Buffer.concat([frame.payload, Buffer.from('0000ffff', 'hex')]), {
      finishFlush: 2,
    })
    assert.equal(data.toString(), 'ab'.repeat(50))
  })

  test('payloads from files', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-send-'))
    t.after(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'a file'), 'inside')
    assert.equal(frameOf(`text file:"${join(folder, 'a file')}"`).text(), 'inside')
  })
})

test('parseScript reads lines, semicolons, comments and blocks', () => {
  const script = parseScript(`# a comment
    raw 81 05 "Hello"; wait 1.5s   # and another
    repeat 2 { together { ping; ping }
      pieces 1 }
    pieces off; fin; reset`)
  assert.deepEqual(
    script.map((statement) => statement.do),
    ['raw', 'wait', 'repeat', 'pieces', 'fin', 'reset'],
  )
  const [raw, wait, repeat, pieces] = script
  assert.deepEqual(raw, { do: 'raw', bytes: Buffer.from('810548656c6c6f', 'hex') })
  assert.deepEqual(wait, { do: 'wait', milliseconds: 1500 })
  assert.deepEqual(pieces, { do: 'pieces', size: undefined })
  const body = (repeat as Statement & { readonly do: 'repeat' }).body
  assert.deepEqual(
    body.map((statement) => statement.do),
    ['together', 'pieces'],
  )
})

test('parseScript reads what is expected', () => {
  const expectations = parseScript(`expect text fin=0 rsv1 len=3 mask=off "Hel" within 2s
    expect close 1002|1007 "why"
    expect close ""
    expect message binary hex:01
    expect message "x" within 10ms
    expect end
    expect nothing
    expect nothing 1s
    expect message hex:"01 ff" within 0.5m`)
  const [text, close, empty, message, any, end, nothing, longer, quoted] = expectations.map((one) =>
    one.do === 'expect' ? { ...one.expected, within: one.within, text: one.text } : undefined,
  )
  assert.deepEqual(
    { ...text },
    {
      what: 'frame',
      opcode: 1,
      fin: false,
      rsv: { bits: 4, mask: 4 },
      masked: false,
      length: 3,
      payload: Buffer.from('Hel'),
      codes: undefined,
      reason: undefined,
      within: 2000,
      text: 'text fin=0 rsv1 len=3 mask=off "Hel" within 2s',
    },
  )
  const codes = close?.what === 'frame' ? [close.codes, close.reason, close.payload] : []
  assert.deepEqual(codes, [[1002, 1007], Buffer.from('why'), undefined])
  assert.deepEqual(empty?.what === 'frame' && empty.payload, Buffer.alloc(0))
  assert.deepEqual(message?.what === 'message' && [message.isText, message.data], [false, Buffer.from([1])])
  assert.deepEqual(any?.what === 'message' && [any.isText, any.within], [undefined, 10])
  assert.equal(end?.what, 'end')
  assert.equal(nothing?.what === 'nothing' && nothing.milliseconds, 200)
  assert.equal(longer?.what === 'nothing' && longer.milliseconds, 1000)
  assert.deepEqual([quoted?.text, quoted?.within], ['message hex:"01 ff" within 0.5m', 30_000])
})

describe('parseScript tells where a script is wrong, and what was expected', () => {
  for (const [script, line, column, message] of [
    ['text fni=0', 1, 6, /'fni=0' means nothing here; expected fin=0\|1/],
    ['\n  txet "a"', 2, 3, /there is no statement 'txet'; expected text, binary/],
    ['"a"', 1, 1, /there is no statement '"a"'/],
    ['text "a', 1, 6, /the string has no end; expected "/],
    ['text "a\\\n"', 1, 8, /'\\' is no escape; expected/],
    ['text "a\\q"', 1, 8, /'\\q' is no escape; expected \\n/],
    ['text "\\u{110000}"', 1, 7, /is no character/],
    ['text "\\ud800"', 1, 7, /is no character/],
    ['text fin=2', 1, 6, /expected a number from 0 to 1/],
    ['text rsv=8', 1, 6, /from 0 to 7/],
    ['text opcode=16', 1, 6, /from 0 to 15/],
    ['text mask=0', 1, 6, /expected mask=on, mask=off or mask=37fa213d/],
    ['text bits=8', 1, 6, /expected bits=7, bits=16 or bits=64/],
    ['text len=900 bits=7', 1, 1, /large enough for length 900/],
    ['text len', 1, 6, /'len' means nothing here/],
    ['text hex:0', 1, 6, /not bytes in hex/],
    ['text base64:?', 1, 6, /not base64/],
    ['text file:/does/not/exist', 1, 6, /ENOENT/],
    ['text constructor:1', 1, 6, /means nothing here/],
    ['frame "a"', 1, 10, /expected opcode=N/],
    ['close 65536', 1, 7, /from 0 to 65535/],
    ['close 1002|1003', 1, 1, /a frame has one close code/],
    ['raw 8', 1, 5, /'8' is not bytes; expected pairs of hex digits/],
    ['raw', 1, 4, /raw needs bytes/],
    ['wait', 1, 5, /the statement ends here; expected a time/],
    ['wait 100', 1, 6, /'100' is no time; expected one as in 100ms/],
    ['wait 1s 2s', 1, 9, /'2s' is too much; expected the end of the statement/],
    ['repeat x {', 1, 8, /expected a number/],
    ['repeat 2', 1, 9, /expected '{'/],
    ['repeat 2 3 { }', 1, 10, /expected '{'/],
    ['repeat 2 { text', 1, 10, /there is no '}' for this '{'/],
    ['ping }', 1, 6, /there is no '{' for this '}'/],
    ['pieces 0', 1, 8, /from 1 to/],
    ['expect', 1, 7, /expected what has to come/],
    ['expect "a"', 1, 8, /'"a"' cannot be expected/],
    ['expect raw', 1, 8, /'raw' cannot be expected; expected text, binary/],
    ['expect text deflate', 1, 8, /cannot be expected/],
    ['expect text within', 1, 19, /expected a time/],
    ['expect message fin=0', 1, 16, /means nothing here/],
    ['expect nothing x', 1, 16, /'x' is no time/],
    ['expect end now', 1, 12, /'now' is too much/],
  ] as const)
    test(`'${script.replace('\n', '\\n')}'`, () =>
      assert.throws(
        () => parseScript(script),
        (error) => {
          assert.ok(error instanceof ScriptError, String(error))
          assert.deepEqual(error.position, { line, column, ...pick(error.position) })
          assert.match(error.message, message)
          return true
        },
      ))
})

/** Tokens are positions, too: only the two numbers count. */
const pick = ({ line, column, ...rest }: { line: number; column: number }): object => rest
