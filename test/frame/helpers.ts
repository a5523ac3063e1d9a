import assert from 'node:assert/strict'
import { ProtocolError } from '../../src/errors.js'
import { freshSeed } from '../support/random.js'

export { isCollected } from '../support/measure.js'

/** Bytes from hexadecimal digits; blanks may stand between them. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** Random numbers that come again with the same seed (mulberry32). */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  /** An integer from 0 to `below` - 1. */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.int(256)
    return bytes
  }
  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)] as T
  }
}

/** The seed of this run: FASTWS_SEED, or a new one. Name it in every assertion. */
export const runSeed = (): number => Number(process.env.FASTWS_SEED ?? freshSeed() >>> 1)

/** For `assert.throws`: a TypeError or RangeError of ours that names the argument. */
export const misuse =
  (kind: typeof TypeError | typeof RangeError, argument: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof kind, `${String(error)} is no ${kind.name}`)
    assert.equal((error as { code?: unknown }).code, 'WS_ERR_ARGUMENT')
    assert.ok(error.message.startsWith(`Cannot use ${argument} `), error.message)
    return true
  }

/** For `assert.throws`: a ProtocolError with this code, told to the peer as this close code. */
export const violation =
  (code: string, closeCode: number) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ProtocolError, `${String(error)} is no ProtocolError`)
    assert.deepEqual([error.code, error.closeCode], [code, closeCode])
    return true
  }

/** For `assert.throws`: something was used after it was released. */
export const released = { name: 'WebSocketError', code: 'WS_ERR_RELEASED' }

/** XOR as RFC 6455 §5.3 writes it: the twin of everything faster. Gives the OR of the resulting bytes. */
export function maskNaively(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(key)
  let seen = 0
  for (let i = start; i < end; i++) {
    const byte = (bytes[i] as number) ^ (octets[(i - start + phase) % 4] as number)
    bytes[i] = byte
    seen |= byte
  }
  return seen
}
