import { FIN } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { keepBytes, keptIn } from './memory.js'
import { type Message, ownMessage } from './message.js'

/** FIN with a data opcode and nothing else: a message of one frame, as it stands. */
export const isPlainMessage = (head: number): boolean =>
  head === (FIN | Opcode.Text) || head === (FIN | Opcode.Binary)

export const isData = (head: number): boolean => !isControl(head)

/** A message of its own, out of memory that is used again unless it is `owned` by nobody else. */
export function keepMessage(
  isText: boolean,
  ascii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
  owned: boolean,
): Message {
  if (owned) return ownMessage(isText, ascii, bytes, start, end)
  const at = keepBytes(bytes, start, end)
  return ownMessage(isText, ascii, keptIn(), at, at + end - start)
}
