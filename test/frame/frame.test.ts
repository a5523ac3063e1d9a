import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bytesOf,
  checkFrame,
  copyIntoFrame,
  endOf,
  Frame,
  type FrameInit,
  fillFrame,
  headOf,
  lendToFrame,
  maskBit,
  onDispose,
  packHead,
  retire,
  revive,
  setFrame,
  startOf,
} from '../../src/frame/frame.js'
import { Opcode } from '../../src/frame/opcode.js'
import { hex, isCollected, misuse, released, violation } from './helpers.js'

const EMPTY_FRAME = {
  fin: true,
  rsv1: false,
  rsv2: false,
  rsv3: false,
  opcode: 2,
  masked: false,
  maskKey: 0,
  length: 0,
  lengthSize: 7,
  payload: '',
}

const factsOf = (frame: Frame): typeof EMPTY_FRAME => ({
  fin: frame.fin,
  rsv1: frame.rsv1,
  rsv2: frame.rsv2,
  rsv3: frame.rsv3,
  opcode: frame.opcode,
  masked: frame.masked,
  maskKey: frame.maskKey,
  length: frame.length,
  lengthSize: frame.lengthSize,
  payload: frame.payload.toString('latin1'),
})

const everything: Required<FrameInit> = {
  fin: false,
  rsv1: true,
  rsv2: true,
  rsv3: true,
  opcode: 15,
  masked: true,
  maskKey: 0xffff_ffff,
  payload: 'all of it',
}

/** A frame in which every bit and every field is set. */
function fullFrame(): Frame {
  const frame = new Frame(everything)
  frame.length = 70_000
  frame.lengthSize = 64
  return frame
}

test('Frame begins as an empty, final, unmasked binary frame', () => {
  assert.deepEqual(factsOf(new Frame()), EMPTY_FRAME)
  assert.deepEqual(factsOf(new Frame({})), EMPTY_FRAME)
})

test('Frame takes every field of its init', () => {
  assert.deepEqual(factsOf(new Frame(everything)), { ...everything, length: 9, lengthSize: 7 })
})

test('Frame throws for a wrong init, and names the field', () => {
  for (const wrong of [null, 'text', 5])
    assert.throws(() => new Frame(wrong as FrameInit), misuse(TypeError, 'init'))
  assert.throws(() => new Frame({ opcode: 16 }), misuse(RangeError, 'opcode'))
  assert.throws(() => new Frame({ maskKey: -1 }), misuse(RangeError, 'maskKey'))
  assert.throws(() => new Frame({ payload: 5 as unknown as string }), misuse(TypeError, 'payload'))
  assert.throws(() => new Frame({ fin: 0 as unknown as boolean }), misuse(TypeError, 'fin'))
})

test('Frame.payload keeps the bytes it is given, and gives a view of them', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4)
  const frame = new Frame({ payload: bytes.subarray(1, 3) })
  bytes[1] = 9
  assert.deepEqual([...frame.payload], [9, 3])
  frame.payload[1] = 8
  assert.equal(bytes[2], 8)
  assert.ok(Buffer.isBuffer(frame.payload))
})

test('Frame.payload takes a string as UTF-8', () => {
  const frame = new Frame()
  frame.payload = 'größe €'
  assert.equal(frame.payload.toString('hex'), '6772c3b6c39f6520e282ac')
  assert.equal(frame.length, 11)
  frame.payload = ''
  assert.equal(frame.length, 0)
})

test('Frame.payload takes back a length and a form that were set', () => {
  const frame = fullFrame()
  frame.payload = 'abc'
  assert.deepEqual([frame.length, frame.lengthSize], [3, 7])
})

test('Frame.length is that of the payload until another one is set', () => {
  const frame = new Frame({ payload: 'abc' })
  assert.deepEqual([frame.length, frame.lengthSize], [3, 7])
  frame.length = 2 ** 53 - 1
  assert.deepEqual([frame.length, frame.lengthSize], [2 ** 53 - 1, 64])
  assert.equal(frame.payload.length, 3)
  for (const wrong of [-1, 0.5, 2 ** 53, NaN, Infinity, '3', undefined])
    assert.throws(
      () => {
        frame.length = wrong as number
      },
      misuse(RangeError, 'length'),
    )
})

test('Frame.lengthSize is the shortest form until another one is set', () => {
  for (const [length, size] of [
    [125, 7],
    [126, 16],
    [65535, 16],
    [65536, 64],
  ] as const) {
    const frame = new Frame({ payload: Buffer.alloc(length) })
    assert.equal(frame.lengthSize, size, `${length} bytes`)
  }
  const frame = new Frame()
  frame.lengthSize = 64
  assert.equal(frame.lengthSize, 64)
  for (const wrong of [0, 8, 32, '7', undefined])
    assert.throws(
      () => {
        frame.lengthSize = wrong as 7
      },
      misuse(RangeError, 'lengthSize'),
    )
})

test('Frame.length and lengthSize fit together, whichever is set first', () => {
  const frame = new Frame({ payload: Buffer.alloc(128) })
  const refuses = (name: 'length' | 'lengthSize', value: number): void =>
    assert.throws(() => Object.assign(frame, { [name]: value }), misuse(RangeError, name))
  refuses('lengthSize', 7)
  frame.length = 127 // 126 and 127 fit into 7 bits: a header that announces bytes it does not have
  frame.lengthSize = 7
  refuses('length', 128)
  frame.lengthSize = 16
  frame.length = 65535
  refuses('length', 65536)
  frame.lengthSize = 64
  frame.length = 65536
  refuses('lengthSize', 16)
  assert.deepEqual([frame.length, frame.lengthSize], [65536, 64])
})

test('Frame.closeStatus reads code and reason out of the payload', () => {
  const frame = new Frame({ opcode: Opcode.Close, payload: hex('03e8 627965') })
  assert.deepEqual(frame.closeStatus, { code: 1000, reason: 'bye' })
  frame.payload = ''
  assert.deepEqual(frame.closeStatus, { code: 1005, reason: '' })
  frame.payload = hex('03')
  assert.throws(() => frame.closeStatus, violation('WS_ERR_CLOSE_PAYLOAD', 1002))
})

test('Frame.text gives the payload as text, a byte order mark included', () => {
  assert.equal(new Frame({ payload: '\ufeffgrüße' }).text(), '\ufeffgrüße')
  assert.equal(new Frame({ payload: hex('61ff62') }).text(), 'a\ufffdb')
  assert.equal(new Frame().text(), '')
})

test('Frame.copyPayload gives memory of its own', () => {
  const frame = new Frame({ payload: Buffer.from('..hello..').subarray(2, 7) })
  const copy = frame.copyPayload()
  frame.payload.fill(0)
  assert.equal(copy.toString(), 'hello')
})

test('Frame.copyPayload and copyTo throw where the memory was transferred away', () => {
  const bytes = new Uint8Array(5000)
  const frame = new Frame({ payload: bytes })
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  assert.throws(() => frame.copyPayload(), misuse(RangeError, 'payload'))
  const other = new Frame({ payload: 'as it was' })
  assert.throws(() => frame.copyTo(other), misuse(RangeError, 'payload'))
  assert.equal(other.text(), 'as it was')
  assert.equal(frame.text(), '')
})

test('Frame.copyTo copies everything and shares nothing', () => {
  const frame = fullFrame()
  const other = new Frame({ payload: 'before' })
  frame.copyTo(other)
  assert.deepEqual(factsOf(other), factsOf(frame))
  frame.payload.fill(0x2e)
  frame.rsv1 = false
  assert.deepEqual([other.text(), other.rsv1], ['all of it', true])
  other.payload.fill(0x2c)
  assert.equal(frame.text(), '.........')
  new Frame().copyTo(other)
  assert.deepEqual(factsOf(other), EMPTY_FRAME)
})

test('Frame.copyTo itself frees a frame of memory that was lent', () => {
  const lent = Buffer.from('lent')
  const frame = new Frame({ payload: lent, opcode: 1 })
  frame.length = 300
  frame.copyTo(frame)
  lent.fill(0)
  assert.deepEqual([frame.text(), frame.length, frame.opcode], ['lent', 300, 1])
})

test('Frame.copyTo throws for what is no frame, and for a released one', () => {
  assert.throws(() => new Frame().copyTo({} as Frame), misuse(TypeError, 'frame'))
  const gone = new Frame()
  retire(gone)
  assert.throws(() => new Frame().copyTo(gone), released)
})

// Go's fastws ORs the bits of the next frame onto those of a used one.
test('Frame.reset on a used frame leaves nothing of the former one', () => {
  const frame = fullFrame()
  frame.reset()
  assert.deepEqual(factsOf(frame), EMPTY_FRAME)
})

test('setFrame on a used frame never ORs old bits', () => {
  const frame = fullFrame()
  setFrame(frame, 0x01, false, 0)
  assert.deepEqual(factsOf(frame), { ...EMPTY_FRAME, fin: false, opcode: 1, length: 9, payload: 'all of it' })
  setFrame(frame, 0xc2, true, 5)
  assert.equal(headOf(frame), 0xc2)
  assert.deepEqual([frame.masked, frame.maskKey], [true, 5])
})

test('lendToFrame makes a range the payload without copying', () => {
  const memory = Buffer.from('..payload..')
  const frame = fullFrame()
  lendToFrame(frame, memory, 2, 9)
  assert.deepEqual([bytesOf(frame), startOf(frame), endOf(frame)], [memory, 2, 9])
  assert.deepEqual([frame.text(), frame.length, frame.lengthSize], ['payload', 7, 7])
  memory[2] = 0x50
  assert.equal(frame.payload.toString(), 'Payload')
})

test('copyIntoFrame makes a copy the payload, of any size', () => {
  const frame = fullFrame()
  for (const length of [0, 1, 256, 257, 4096, 4097, 100_000, 3]) {
    const memory = Buffer.alloc(length + 2, length & 0xff)
    copyIntoFrame(frame, memory, 1, length + 1)
    memory.fill(0xee)
    assert.deepEqual(frame.copyPayload(), Buffer.alloc(length, length & 0xff))
    assert.equal(frame.length, length)
  }
})

test('copyIntoFrame uses the memory of the frame again', () => {
  const frame = new Frame()
  copyIntoFrame(frame, Buffer.from('first'), 0, 5)
  const memory = bytesOf(frame)
  copyIntoFrame(frame, Buffer.from('second'), 0, 6)
  assert.equal(bytesOf(frame), memory)
  assert.equal(frame.text(), 'second')
})

test('copyIntoFrame never writes where a payload view is out', () => {
  const frame = new Frame()
  const views: Buffer[] = []
  for (let turn = 0; turn < 20; turn++) {
    copyIntoFrame(frame, Buffer.from(`turn ${turn}`), 0, turn < 10 ? 6 : 7)
    views.push(frame.payload)
  }
  assert.deepEqual(
    views.map(String),
    views.map((_, turn) => `turn ${turn}`),
  )
})

test('copyIntoFrame never writes into a payload that was set from its own view', () => {
  const frame = new Frame()
  copyIntoFrame(frame, Buffer.from('abcdef'), 0, 6)
  const view = frame.payload.subarray(2)
  frame.payload = view
  copyIntoFrame(frame, Buffer.from('123456'), 0, 6)
  assert.equal(view.toString(), 'cdef')
})

test('copyIntoFrame copies within the frame’s own memory', () => {
  const frame = new Frame()
  copyIntoFrame(frame, Buffer.from('abcdef'), 0, 6)
  copyIntoFrame(frame, bytesOf(frame), 2, 6)
  assert.equal(frame.text(), 'cdef')
})

/** Every getter, setter and method of the class and its parent, as a call on a frame. */
function* membersOf(kind: typeof Frame): Generator<[name: string, use: (frame: Frame) => unknown]> {
  const values: Record<string, unknown> = { payload: 'x', opcode: 1, maskKey: 1, length: 1, lengthSize: 7 }
  for (let proto = kind.prototype; proto !== Object.prototype; proto = Object.getPrototypeOf(proto))
    for (const name of Reflect.ownKeys(proto)) {
      const { get, set, value } = Object.getOwnPropertyDescriptor(proto, name) as PropertyDescriptor
      const label = String(name)
      if (get !== undefined) yield [`get ${label}`, (frame) => get.call(frame)]
      if (set !== undefined) yield [`set ${label}`, (frame) => set.call(frame, values[label] ?? true)]
      if (name === 'constructor' || typeof value !== 'function') continue
      yield [label, (frame) => value.call(frame, new Frame())]
    }
}

test('Frame throws WS_ERR_RELEASED for every use after release but isReleased and toString', () => {
  const gone = fullFrame()
  retire(gone)
  const names: string[] = []
  for (const [name, use] of membersOf(Frame)) {
    use(new Frame()) // nothing is wrong with the call itself
    names.push(name)
    if (name === 'get isReleased' || name === 'toString') continue
    assert.throws(() => use(gone), released, name)
  }
  assert.ok(names.length > 30 && names.includes('set fin') && names.includes('copyTo'), names.join())
  assert.equal(gone.isReleased, true)
  assert.equal(String(gone), 'released frame')
})

test('setFrame, lendToFrame, fillFrame and copyIntoFrame throw for a released frame, and give it nothing', () => {
  const frame = new Frame()
  retire(frame)
  assert.throws(() => setFrame(frame, 0, false, 0), released)
  assert.throws(() => lendToFrame(frame, Buffer.from('x'), 0, 1), released)
  assert.throws(() => copyIntoFrame(frame, Buffer.from('x'), 0, 1), released)
  assert.throws(() => fillFrame(frame, 0, false, 0, Buffer.from('x'), 0, 1, undefined), released)
  revive(frame)
  assert.deepEqual(factsOf(frame), EMPTY_FRAME)
})

test('retire throws the second time', () => {
  const frame = new Frame()
  retire(frame)
  assert.throws(() => retire(frame), released)
})

test('revive gives back an empty frame', () => {
  const frame = fullFrame()
  retire(frame)
  revive(frame)
  assert.deepEqual([frame.isReleased, factsOf(frame)], [false, EMPTY_FRAME])
})

test('retire lets go of the payload, lent or copied', async () => {
  const lender = new Frame()
  const keeper = new Frame()
  const viewer = new Frame()
  const refs = fill()
  assert.equal(await isCollected(refs[0] as WeakRef<object>), false, 'held until it is released')
  for (const frame of [lender, keeper, viewer]) retire(frame)
  for (const ref of refs) assert.equal(await isCollected(ref), true)
  assert.equal(
    [lender, keeper, viewer].every((frame) => frame.isReleased),
    true,
  )

  function fill(): WeakRef<object>[] {
    const lent = Buffer.alloc(100)
    lender.payload = lent
    copyIntoFrame(keeper, Buffer.alloc(5000), 0, 5000)
    copyIntoFrame(viewer, Buffer.alloc(50), 0, 50)
    return [new WeakRef(lent), new WeakRef(bytesOf(keeper)), new WeakRef(viewer.payload.buffer)]
  }
})

test('retire keeps the memory of a small payload for the next one, if nobody has seen it', () => {
  const frame = new Frame()
  copyIntoFrame(frame, Buffer.from('first'), 0, 5)
  const memory = bytesOf(frame)
  assert.equal(frame.text(), 'first')
  retire(frame)
  revive(frame)
  copyIntoFrame(frame, Buffer.from('again'), 0, 5)
  assert.equal(bytesOf(frame), memory)
})

test('a payload view that is out is never written to by the frame’s next life', () => {
  const frame = new Frame()
  copyIntoFrame(frame, Buffer.from('mine'), 0, 4)
  const view = frame.payload
  for (let life = 0; life < 5; life++) {
    retire(frame)
    revive(frame)
    copyIntoFrame(frame, Buffer.from('your'), 0, 4)
  }
  assert.equal(view.toString(), 'mine')
})

test('checkFrame takes frames in use only', () => {
  checkFrame(new Frame())
  for (const wrong of [undefined, null, 'frame', {}, Object.create(null)])
    assert.throws(() => checkFrame(wrong as Frame), misuse(TypeError, 'frame'))
})

test('Frame.toString describes the frame, the length it claims included', () => {
  const frame = new Frame({ opcode: Opcode.Text, payload: 'hello', rsv1: true })
  assert.equal(String(frame), 'text fin rsv1 5 bytes "hello"')
  frame.masked = true
  frame.maskKey = 0xab
  frame.length = 6
  assert.equal(`${frame}`, 'text fin rsv1 masked 000000ab 6 bytes "hello"')
})

test('packHead and maskBit stand here too', () => {
  assert.deepEqual([packHead(true, 0, 1), maskBit(true)], [0x81, 0x80])
})

test('Frame with using is released at the end of its block, without a pool too', () => {
  const outer = new Frame()
  {
    using frame = outer
    assert.equal(frame.isReleased, false)
  }
  assert.equal(outer.isReleased, true)
  assert.throws(() => outer[Symbol.dispose](), released)
})

test('onDispose tells what disposing does', (t) => {
  t.after(() => onDispose(retire))
  const disposed: Frame[] = []
  onDispose((frame) => disposed.push(frame))
  const frame = new Frame()
  frame[Symbol.dispose]()
  assert.deepEqual(disposed, [frame])
})
