import type { EncodeHints } from '../protocol/extension.js'
import type { Codecs } from './codecs.js'
import { EncodedMessage } from './encoded-message.js'
import type { Framer } from './framer.js'
import { encodedFor, type Prepared, plainOf, preparedHints } from './prepared.js'

/** Lays a message out through the extensions of this connection alone. */
interface Parts {
  part(head: number, bytes: Buffer, hints: EncodeHints): void | Promise<void>
}

/** Lays prepared messages out through extensions: what they make of them is shared where they allow it. */
export class PreparedSender {
  readonly #parts: Parts
  readonly #ending: { readonly maySendControl: boolean }
  readonly #framer: Framer
  readonly #codecs: Codecs

  constructor(parts: Parts, ending: { readonly maySendControl: boolean }, framer: Framer, codecs: Codecs) {
    this.#parts = parts
    this.#ending = ending
    this.#framer = framer
    this.#codecs = codecs
  }

  lay(data: Prepared, { compress }: EncodeHints): void | Promise<void> {
    const hints = preparedHints(data)
    const key = this.#codecs.aloneKey
    // Another wish than it was prepared with is for this one connection.
    if (compress !== undefined && compress !== hints.compress) return this.#layForUs(data, { compress })
    if (key === undefined) return this.#layForUs(data, hints)
    const encoded = encodedFor(data, this.#codecs, key)
    if (encoded instanceof EncodedMessage) return this.#layShared(encoded, plainOf(data))
    return encoded.then(
      (message) => this.#layShared(message, plainOf(data)),
      // What failed may be the extension of another connection, which is gone by now.
      () => this.#layForUs(data, hints),
    )
  }

  #layForUs(data: Prepared, hints: EncodeHints): void | Promise<void> {
    const { head, payload } = plainOf(data)
    return this.#parts.part(head, Buffer.from(payload), hints) // an extension may change it where it lies
  }

  #layShared(message: EncodedMessage, plain: EncodedMessage): void {
    // While an extension took its time, the connection may have failed: nothing goes out behind Close (§5.5.1).
    if (!this.#ending.maySendControl) return
    // What the extensions left as it is need not be forgotten.
    if (message !== plain) {
      this.#codecs.forget()
      this.#codecs.countOut(message.head, plain.payload.length, message.payload.length)
    }
    this.#framer.prepared(message)
  }
}
