import { bytesOf, endOf, type Frame, heldBy, startOf } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import { releaseFrame } from '../frame/pool.js'
import { isUtf8 } from '../frame/utf8.js'
import { messageTooBig, notUtf8 } from '../protocol/session.js'
import { type Codecs, eachInOrder, orGiveBack } from './codecs.js'
import { keepBytes, keptMessage } from './memory.js'
import { gatherMessage, type Message, ownMessage } from './message.js'

/** Fragments of this size on average are not joined before somebody looks at them: many a message is only sent on. */
const GATHERED_FROM = 16 << 10

/** Payloads from this size on lie in memory of their own, which a message can take over. */
const OWN_MEMORY_FROM = 4097

export interface AssembleRules {
  readonly maxMessage: number
  readonly validateText: boolean
}

/** Told when an extension has changed a frame back, and how much more it holds than before. */
export type OnGrown = (bytes: number) => void

/** Joins the frames of one message, which are released; a promise when an extension takes time. */
export function assemble(
  frames: Frame[],
  codecs: Codecs | undefined,
  rules: AssembleRules,
  onGrown?: OnGrown,
): Message | Promise<Message> {
  if (codecs === undefined) return join(frames)
  let total = 0
  const decode = (frame: Frame): void | Promise<void> => {
    const before = heldBy(frame)
    const pending = codecs.decode(frame, rules.maxMessage - total)
    const count = (): void => {
      total += frame.length
      if (total > rules.maxMessage) throw messageTooBig(total, rules.maxMessage)
      onGrown?.(heldBy(frame) - before)
    }
    return pending === undefined ? count() : pending.then(count)
  }
  const decoded = orGiveBack(frames, () => eachInOrder(frames, decode))
  if (decoded === undefined) return check(join(frames), rules)
  return decoded.then(() => check(join(frames), rules))
}

/** What an extension gave back can only be checked now. */
function check(message: Message, rules: AssembleRules): Message {
  if (message.isText && rules.validateText && !isUtf8(message.data)) throw notUtf8()
  return message
}

function join(frames: Frame[]): Message {
  const isText = frames[0]!.opcode === Opcode.Text
  const message = frames.length === 1 ? single(frames[0]!, isText) : joinMany(frames, isText)
  for (const frame of frames) releaseFrame(frame)
  return message
}

function single(frame: Frame, isText: boolean): Message {
  const bytes = bytesOf(frame)
  const start = startOf(frame)
  const end = endOf(frame)
  if (end - start >= OWN_MEMORY_FROM) return ownMessage(isText, false, bytes, start, end)
  const at = keepBytes(bytes, start, end)
  return keptMessage(isText, false, at, at + end - start)
}

function joinMany(frames: readonly Frame[], isText: boolean): Message {
  let total = 0
  for (const frame of frames) total += endOf(frame) - startOf(frame)
  if (total >= frames.length * GATHERED_FROM) return gatherMessage(isText, frames.map(pieceOf), total)
  const bytes = Buffer.allocUnsafe(total)
  let at = 0
  for (const frame of frames) at += bytesOf(frame).copy(bytes, at, startOf(frame), endOf(frame))
  return ownMessage(isText, false, bytes, 0, total)
}

/** The payload of a frame in memory that outlives it. */
function pieceOf(frame: Frame): Buffer {
  const bytes = bytesOf(frame).subarray(startOf(frame), endOf(frame))
  return bytes.length >= OWN_MEMORY_FROM ? bytes : Buffer.from(bytes)
}
