/**
 * What RFC 6455 makes of a byte stream, worked out the slow and obvious way, from the whole stream and apart from the
 * product: the second opinion that `Conn` must agree with.
 */
import type { Role } from '../../src/frame/rules.js'

export interface Limits {
  readonly maxFrame: number
  readonly maxMessage: number
  readonly maxFragments: number
}

export interface Received {
  readonly isText: boolean
  readonly data: Buffer
}

/** How a stream ends: in the middle of things, with a Close frame, or with a violation and the codes that fit it. */
export type Outcome =
  | { readonly kind: 'open'; readonly insideHeader: boolean; readonly insideClose: boolean }
  | { readonly kind: 'closed'; readonly payload: Buffer }
  | { readonly kind: 'failed'; readonly codes: ReadonlySet<number>; readonly why: readonly string[] }

export interface Judgement {
  readonly messages: readonly Received[]
  readonly pings: readonly Buffer[]
  readonly outcome: Outcome
}

interface Header {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly masked: boolean
  readonly bits: 7 | 16 | 64
  readonly length: bigint
  readonly key: Buffer
  readonly size: number
}

/** A message that has begun. */
interface Open {
  readonly isText: boolean
  readonly data: Buffer
  readonly frames: number
}

type Violation = readonly [code: number, why: string]

export function judge(stream: Buffer, role: Role, limits: Limits): Judgement {
  const messages: Received[] = []
  const pings: Buffer[] = []
  let open: Open | undefined
  let rest = stream
  for (;;) {
    const header = readHeader(rest)
    const outcome = header === undefined ? stopsAt(rest) : judgeFrame(header, rest, open, role, limits)
    if (header === undefined || 'kind' in outcome) return { messages, pings, outcome: outcome as Outcome }
    if (header.opcode === 9) pings.push(outcome.payload)
    if (header.opcode < 8) open = continued(open, header, outcome.payload)
    if (header.opcode < 8 && header.fin) {
      messages.push({ isText: open?.isText === true, data: open?.data ?? Buffer.alloc(0) })
      open = undefined
    }
    rest = rest.subarray(header.size + outcome.payload.length)
  }
}

const stopsAt = (rest: Buffer): Outcome => ({
  kind: 'open',
  insideHeader: rest.length > 0,
  insideClose: false,
})

/** A frame's payload when all is well and it is whole, else how the stream ends with it. */
function judgeFrame(
  header: Header,
  rest: Buffer,
  open: Open | undefined,
  role: Role,
  limits: Limits,
): Outcome | { readonly payload: Buffer } {
  const broken = violations(header, open, role, limits)
  if (broken.length > 0) return failed(broken)
  const payload = unmask(rest.subarray(header.size, header.size + Number(header.length)), header.key)
  const isWhole = payload.length === Number(header.length)
  if (header.opcode < 8 && !isTextSoFar(continued(open, header, payload), header.fin && isWhole))
    return failed([[1007, 'text']])
  if (!isWhole) return { kind: 'open', insideHeader: false, insideClose: header.opcode === 8 }
  return header.opcode === 8 ? judgeClose(payload) : { payload }
}

function isTextSoFar({ isText, data }: Open, isEnd: boolean): boolean {
  const state = isText ? utf8State(data) : 'whole'
  return state === 'whole' || (state === 'cut' && !isEnd)
}

const failed = (broken: readonly Violation[]): Outcome => ({
  kind: 'failed',
  codes: new Set(broken.map(([code]) => code)),
  why: broken.map(([, why]) => why),
})

/** A whole header, or nothing. */
function readHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 2) return undefined
  const [first = 0, second = 0] = bytes
  const short = second & 127
  const bits = short === 127 ? 64 : short === 126 ? 16 : 7
  const masked = second >= 128
  const keyAt = 2 + (bits === 7 ? 0 : bits / 8)
  const size = keyAt + (masked ? 4 : 0)
  if (bytes.length < size) return undefined
  const length =
    bits === 7 ? BigInt(short) : bits === 16 ? BigInt(bytes.readUInt16BE(2)) : bytes.readBigUInt64BE(2)
  return {
    fin: first >= 128,
    rsv: (first >> 4) & 7,
    opcode: first & 15,
    masked,
    bits,
    length,
    key: bytes.subarray(keyAt, size),
    size,
  }
}

/** Every rule that a header breaks: where it breaks several, the code of any of them is right. */
function violations(header: Header, open: Open | undefined, role: Role, limits: Limits): Violation[] {
  const { opcode, length, bits } = header
  const isControl = opcode >= 8
  const frames = opcode === 0 ? (open?.frames ?? 0) + 1 : 1
  const total = BigInt(opcode === 0 ? (open?.data.length ?? 0) : 0) + length
  const rules: readonly (readonly [boolean, number, string])[] = [
    [header.rsv !== 0, 1002, 'rsv'],
    [![0, 1, 2, 8, 9, 10].includes(opcode), 1002, 'opcode'],
    [header.masked !== (role === 'server'), 1002, 'mask'],
    [bits === 16 && length < 126n, 1002, 'not minimal'],
    [bits === 64 && length < 65536n, 1002, 'not minimal'],
    [length >= 2n ** 63n, 1002, 'highest bit'],
    [isControl && !header.fin, 1002, 'fragmented control'],
    [isControl && length > 125n, 1002, 'long control'],
    [opcode === 0 && open === undefined, 1002, 'continuation of nothing'],
    [(opcode === 1 || opcode === 2) && open !== undefined, 1002, 'message in a message'],
    [!isControl && length > BigInt(limits.maxFrame), 1009, 'frame limit'],
    // Nobody can take that much: as good an answer as that a control frame is too long.
    [length >= 2n ** 53n, 1009, 'beyond 2^53'],
    [!isControl && total > BigInt(limits.maxMessage), 1009, 'message limit'],
    [!isControl && frames > limits.maxFragments, 1008, 'fragment limit'],
  ]
  return rules.filter(([isBroken]) => isBroken).map(([, code, why]) => [code, why])
}

const unmask = (bytes: Buffer, key: Buffer): Buffer =>
  key.length === 0 ? Buffer.from(bytes) : Buffer.from(bytes.map((byte, i) => byte ^ (key[i % 4] as number)))

function continued(open: Open | undefined, header: Header, payload: Buffer): Open {
  if (open === undefined) return { isText: header.opcode === 1, data: payload, frames: 1 }
  return { ...open, data: Buffer.concat([open.data, payload]), frames: open.frames + 1 }
}

function judgeClose(payload: Buffer): Outcome {
  if (payload.length === 0) return { kind: 'closed', payload }
  if (payload.length === 1) return failed([[1002, 'Close of one byte']])
  const code = payload.readUInt16BE(0)
  const broken: Violation[] = []
  const isPrivate = code >= 3000 && code <= 4999
  const isKnown = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)
  if (!isPrivate && !isKnown) broken.push([1002, 'Close code'])
  if (utf8State(payload.subarray(2)) !== 'whole') broken.push([1007, 'Close reason'])
  return broken.length > 0 ? failed(broken) : { kind: 'closed', payload }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function isValid(bytes: Buffer): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Whether bytes are text, the beginning of some text, or can never become text. */
export function utf8State(bytes: Buffer): 'whole' | 'cut' | 'wrong' {
  if (isValid(bytes)) return 'whole'
  for (let cut = 1; cut <= Math.min(3, bytes.length); cut++)
    if (isValid(bytes.subarray(0, bytes.length - cut)) && canBegin(bytes.subarray(bytes.length - cut)))
      return 'cut'
  return 'wrong'
}

/** Bytes at all edges of what may follow. */
const FOLLOWERS = [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf].map((byte) => Buffer.of(byte))

/** Whether some character begins with these bytes: found by trying. */
function canBegin(bytes: Buffer): boolean {
  if (bytes.length >= 4) return false
  return FOLLOWERS.some((follower) => {
    const longer = Buffer.concat([bytes, follower])
    return isValid(longer) || canBegin(longer)
  })
}
