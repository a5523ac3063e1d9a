// Compiled, never run: what the declarations of the frame layer promise, and what they refuse.
import {
  type acceptFor,
  type acquireFrame,
  type CloseCode,
  type decodeClosePayload,
  type encodeClosePayload,
  type encodedSize,
  encodeFrame,
  type encodeFrameInto,
  Frame,
  FrameDecoder,
  type FrameInit,
  fixedMask,
  type isControl,
  isUtf8,
  type LengthSize,
  type MaskSource,
  mask,
  Opcode,
  ProtocolError,
  type Role,
  releaseFrame,
  secureMask,
  Utf8Validator,
  WebSocketError,
} from 'fastws/frame'
import type { Equal, Expect } from './equal.js'

export type FrameFields = [
  Expect<Equal<Frame['fin'], boolean>>,
  Expect<Equal<Frame['opcode'], number>>,
  Expect<Equal<Frame['maskKey'], number>>,
  Expect<Equal<Frame['payload'], Buffer>>,
  Expect<Equal<Frame['lengthSize'], LengthSize>>,
  Expect<Equal<Frame['closeStatus'], { readonly code: number; readonly reason: string }>>,
  Expect<Equal<ReturnType<Frame['text']>, string>>,
  Expect<Equal<ReturnType<Frame['copyPayload']>, Buffer>>,
  Expect<Equal<Parameters<Frame['copyTo']>, [frame: Frame]>>,
]

export type Values = [
  Expect<Equal<LengthSize, 7 | 16 | 64>>,
  Expect<Equal<Role, 'server' | 'client'>>,
  Expect<Equal<MaskSource, () => number>>,
  Expect<Equal<Opcode, 0 | 1 | 2 | 8 | 9 | 10>>,
  Expect<Equal<(typeof Opcode)['Text'], 1>>,
  Expect<Equal<(typeof CloseCode)['MessageTooBig'], 1009>>,
  Expect<Equal<ConstructorParameters<typeof Frame>, [init?: FrameInit | undefined]>>,
]

export type Functions = [
  Expect<Equal<ReturnType<typeof acquireFrame>, Frame>>,
  Expect<Equal<ReturnType<FrameDecoder['next']>, Frame | undefined>>,
  Expect<Equal<ReturnType<typeof encodeFrame>, Buffer>>,
  Expect<Equal<ReturnType<typeof encodeFrameInto>, number>>,
  Expect<Equal<ReturnType<typeof encodedSize>, number>>,
  Expect<Equal<ReturnType<typeof encodeClosePayload>, Buffer>>,
  Expect<Equal<ReturnType<typeof decodeClosePayload>, { readonly code: number; readonly reason: string }>>,
  Expect<Equal<ReturnType<typeof isControl>, boolean>>,
  Expect<Equal<ReturnType<typeof acceptFor>, string>>,
  Expect<Equal<ReturnType<Utf8Validator['append']>, boolean>>,
]

/** How it is meant to be used compiles. */
export function use(bytes: Uint8Array, source: MaskSource = secureMask): number {
  const decoder = new FrameDecoder({ role: 'server', maxFrame: 1024 })
  decoder.append(bytes)
  using frame = decoder.next()
  if (frame === undefined) return 0
  frame.rsv1 = true
  frame.payload = 'text'
  frame.payload = new Uint8Array(2)
  frame.lengthSize = 16
  releaseFrame(new Frame({ opcode: Opcode.Ping, payload: bytes, masked: true, maskKey: source() }))
  return (
    mask(bytes, 0, bytes.length, fixedMask(1)()) + Number(isUtf8(bytes)) + new Utf8Validator().append.length
  )
}

/** An error is told apart by its class, and by `code`. */
export function explain(error: unknown): number | string | undefined {
  if (error instanceof ProtocolError) return error.closeCode
  if (error instanceof WebSocketError) return error.code
  return undefined
}

export function misuse(frame: Frame, decoder: FrameDecoder): void {
  // @ts-expect-error: bytes, not text
  decoder.append('text')
  // @ts-expect-error: there are two roles
  new FrameDecoder({ role: 'proxy' })
  // @ts-expect-error: options are checked by name
  new FrameDecoder({ maxPayload: 1 })
  // @ts-expect-error: a frame is made of text or bytes
  new Frame({ payload: 12 })
  // @ts-expect-error: the form of a length is 7, 16 or 64 bits
  frame.lengthSize = 8
  // @ts-expect-error: derived from the opcode
  frame.isControl = true
  // @ts-expect-error: a frame, not its bytes
  encodeFrame(Buffer.alloc(2))
  // @ts-expect-error: only frames go back to the pool
  releaseFrame(undefined)
  // @ts-expect-error: private is private
  frame.head
  // @ts-expect-error: constants cannot be changed
  Opcode.Text = 3
}
