/** What is sent: every message is another, so that an echo that is late, doubled, changed or somebody else's is noticed. */
import { DATA_SETS, incompressible } from '../check/payloads.js'

const DIGITS = Buffer.from('0123456789abcdef')
/** Hexadecimal digits for the connection, and for the number of the message. */
const FOR_CONNECTION = 5
const FOR_NUMBER = 11

/** JSON, the same again and again. */
function words(size: number): Buffer {
  const text = (DATA_SETS[0] as (typeof DATA_SETS)[number]).make()
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += text.length) text.copy(bytes, at)
  return bytes
}

/**
 * Messages of one size. Each begins with its own number, as far as it is long enough; the rest is JSON, or, where it is
 * binary, bytes that cannot be compressed.
 */
export class Payloads {
  readonly #bytes: Buffer

  constructor(size: number, isBinary: boolean) {
    this.#bytes = isBinary ? Buffer.from(incompressible(size)) : words(size)
  }

  get size(): number {
    return this.#bytes.length
  }

  /** One message; its memory is that of the next one, too. */
  make(connection: number, number: number): Buffer {
    this.#stamp(FOR_CONNECTION + FOR_NUMBER, FOR_NUMBER, number)
    this.#stamp(FOR_CONNECTION, FOR_CONNECTION, connection)
    return this.#bytes
  }

  isEcho(data: Buffer, connection: number, number: number): boolean {
    return data.equals(this.make(connection, number))
  }

  /** Writes the digits of a number so that they end at a place; in a short message the last ones are at its end. */
  #stamp(end: number, count: number, value: number): void {
    const shift = Math.max(0, FOR_CONNECTION + FOR_NUMBER - this.#bytes.length)
    let rest = value
    for (let at = end - 1 - shift; at >= Math.max(0, end - count - shift); at--) {
      this.#bytes[at] = DIGITS[rest % 16] as number
      rest = Math.floor(rest / 16)
    }
  }
}
