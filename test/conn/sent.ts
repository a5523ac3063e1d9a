import assert from 'node:assert/strict'
import type { Message } from '../../src/conn/message.js'
import { FAIR_SHARE } from '../../src/frame/decoder.js'
import { clientFrame, type Random } from '../support/index.js'

/** A message that a client sends. */
export interface Sent {
  readonly opcode: number
  readonly payload: Buffer
}

/** Payloads of every kind on both sides of the sizes at which they are kept in another way: ASCII, other text, bytes. */
export function drawSent(random: Random): Sent {
  const size = random.pick([0, 1, 20, 64, 600, FAIR_SHARE - 1, FAIR_SHARE, FAIR_SHARE + 1, 5000, 17_000])
  const kind = random.int(0, 2)
  if (kind === 2) return { opcode: 2, payload: random.bytes(size) }
  const letters = kind === 0 ? ['a', 'z', ' '] : ['a', 'ä', '€', '😀']
  return {
    opcode: 1,
    payload: Buffer.from(Array.from({ length: size }, () => random.pick(letters)).join('')),
  }
}

/** The frames of all of them. */
export const onWire = (sent: readonly Sent[]): Buffer =>
  Buffer.concat(sent.map(({ opcode, payload }) => clientFrame(opcode, payload)))

/** Holds a message against what was sent, however it is asked. */
export function checkMessage(
  message: Message | null | undefined,
  { opcode, payload }: Sent,
  what: string,
): void {
  assert.ok(message, what)
  assert.equal(message.isText, opcode === 1, what)
  assert.equal(message.length, payload.length, what)
  if (message.isText) assert.equal(message.text(), payload.toString(), what)
  assert.ok(message.data.equals(payload), what)
  assert.equal(message.length, payload.length, what)
}
