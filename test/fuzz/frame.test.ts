import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/errors.js'
import { decodeClosePayload, encodeClosePayload } from '../../src/frame/close.js'
import { encodeFrame } from '../../src/frame/encoder.js'
import { Frame } from '../../src/frame/frame.js'
import { isUtf8, Utf8Validator } from '../../src/frame/utf8.js'
import { decode, type Feeding } from '../frame/decoding.js'
import { Random, runSeed } from '../frame/helpers.js'
import { checkError, checkFrame } from './decoder-checks.js'

/** How long each of these tests goes on: FASTWS_FUZZ_SECONDS, or just long enough to notice a blunder. */
const milliseconds = Number(process.env.FASTWS_FUZZ_SECONDS ?? 0.4) * 1000

/** Calls with a new seed each time until the time is up; what fails is told with its seed. */
function fuzz(round: (random: Random) => void): void {
  const first = runSeed()
  const end = performance.now() + milliseconds
  for (let seed = first; seed === first || performance.now() < end; seed++) {
    try {
      round(new Random(seed))
    } catch (error) {
      throw new Error(`FASTWS_SEED=${seed} shows it again`, { cause: error })
    }
  }
}

/** A frame as it may come, right for the side or not, then damaged in some cases. */
function someFrame(random: Random, masked: boolean): Buffer {
  const isControl = random.int(3) === 0
  const frame = new Frame({
    fin: isControl || random.int(2) === 0,
    opcode: isControl ? random.pick([8, 9, 10]) : random.pick([0, 1, 2]),
    masked: random.int(40) === 0 ? !masked : masked,
    maskKey: random.int(2 ** 32),
    payload: random.bytes(random.int(isControl ? 126 : random.pick([10, 130, 300, 70_000 / 100]))),
  })
  if (random.int(40) === 0) frame.lengthSize = 64
  if (random.int(40) === 0) frame.length = random.int(100)
  const bytes = encodeFrame(frame)
  if (random.int(8) === 0) bytes[random.int(Math.min(14, bytes.length))] = random.int(256)
  return bytes
}

const someStream = (random: Random, masked: boolean): Buffer =>
  random.int(4) === 0
    ? random.bytes(random.int(200))
    : Buffer.concat(Array.from({ length: random.int(8) }, () => someFrame(random, masked)))

test('fuzz: FrameDecoder gives valid frames or documented errors, however the bytes are split', () => {
  fuzz((random) => {
    const role = random.pick(['server', 'client', undefined] as const)
    const strict = random.int(4) !== 0
    const allowedRsv = random.pick([0, 0x40, 0x70])
    const options = { ...(role && { role }), strict, allowedRsv, maxFrame: random.pick([0, 125, 1000]) }
    const stream = someStream(random, role === 'server')
    const whole = decode(stream, options)
    const cuts = Array.from({ length: random.int(20) }, () => random.int(stream.length + 1)).sort(
      (a, b) => a - b,
    )
    for (const feeding of ['own', 'late', 'shared'] satisfies Feeding[])
      assert.deepEqual(decode(stream, options, cuts, feeding), whole, feeding)
    if (whole.error !== undefined) checkError(whole.error, strict)
    if (strict) for (const frame of whole.frames) checkFrame(frame, role, allowedRsv, options.maxFrame)
  })
})

test('fuzz: decodeClosePayload gives what encodeClosePayload takes, or a documented error', () => {
  fuzz((random) => {
    const payload = random.bytes(random.int(126))
    if (payload.length > 1) payload.writeUInt16BE(random.int(5100))
    if (random.int(2) === 0) payload.fill(0x61, Math.min(2, payload.length))
    try {
      const { code, reason } = decodeClosePayload(payload)
      if (payload.length > 0) assert.ok(encodeClosePayload(code, reason).equals(payload))
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error))
      const expected = { WS_ERR_CLOSE_PAYLOAD: 1002, WS_ERR_UTF8: 1007 }[error.code as string]
      assert.equal(error.closeCode, expected)
    }
  })
})

test('fuzz: Utf8Validator in pieces says what isUtf8 says of the whole', () => {
  fuzz((random) => {
    const bytes = Buffer.from(
      Array.from({ length: random.int(200) }, () => String.fromCodePoint(random.int(0xd800))).join(''),
    )
    for (let broken = random.int(3); broken > 0 && bytes.length > 0; broken--)
      bytes[random.int(bytes.length)] = random.int(256)
    const validator = new Utf8Validator()
    let good = true
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + random.int(90))
      const now = validator.append(bytes, at, end)
      assert.ok(good || !now, 'broken stays broken')
      good = now
      at = end
    }
    assert.equal(good && validator.isComplete, isUtf8(bytes))
  })
})
