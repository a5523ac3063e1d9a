import { WebSocketError } from '../errors.js'
import { RSV1 } from '../frame/header.js'
import type { Role } from '../frame/rules.js'
import type { Extension, ExtensionCodec, ExtensionParams } from '../protocol/extension.js'
import { ContextBudget } from './budget.js'
import { Compressor } from './compressor.js'
import { Decompressor } from './decompressor.js'
import { type Agreement, agreementOf, answerOffer, checkAnswer, makeOffer, NAME } from './params.js'
import type { Pools } from './pool.js'
import type { DeflateSettings } from './settings.js'

/** permessage-deflate (RFC 7692) for all connections of a server, or of a `dial()`. */
export class PerMessageDeflate implements Extension {
  readonly name = NAME
  readonly rsv = RSV1
  readonly #settings: DeflateSettings
  readonly #pools: Pools
  readonly #budget: ContextBudget

  constructor(settings: DeflateSettings, pools: Pools) {
    this.#settings = settings
    this.#pools = pools
    this.#budget = new ContextBudget(settings.maxContexts)
  }

  offer(): readonly ExtensionParams[] {
    return [makeOffer(this.#affordable())]
  }

  accept(offers: readonly ExtensionParams[]): ExtensionParams | undefined {
    const settings = this.#affordable()
    for (const offer of offers) {
      const answer = answerOffer(offer, settings)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  /** Both sides are taken to have the same options. */
  assume(): ExtensionParams {
    return this.accept(this.offer())!
  }

  start(params: ExtensionParams, role: Role): ExtensionCodec {
    const agreement = role === 'server' ? agreementOf(params) : checkAnswer(params, this.#settings)
    if (typeof agreement === 'string')
      throw new WebSocketError('WS_ERR_HANDSHAKE', `Cannot use ${NAME}: ${agreement}`)
    return this.#newCodec(agreement, role)
  }

  #newCodec(agreement: Agreement, role: Role): ExtensionCodec {
    const own = agreement[role]
    const peers = agreement[role === 'server' ? 'client' : 'server']
    const compressor = new Compressor(own, this.#settings, this.#pools, this.#budget)
    const decompressor = new Decompressor(peers, this.#settings.maxRatio, this.#pools, this.#budget)
    return {
      decodesMarked: true,
      skips: (length) => length < this.#settings.threshold,
      aloneKey: compressor.aloneKey,
      get memory() {
        return compressor.memory + decompressor.memory
      },
      encode: (frame, hints) => compressor.encode(frame, hints),
      encodeAlone: (frame, hints) => compressor.encodeAlone(frame, hints),
      decode: (frame, limit) => decompressor.decode(frame, limit),
      forget: () => compressor.forget(),
      idle: () => compressor.idle(),
      idleAfter: this.#settings.idleTimeout,
      close: () => {
        compressor.close()
        decompressor.close()
      },
    }
  }

  /** When all contexts are in use, a new connection is not to have one: neither side takes over then. */
  #affordable(): DeflateSettings {
    if (this.#budget.hasRoom) return this.#settings
    return { ...this.#settings, serverNoContextTakeover: true, clientNoContextTakeover: true }
  }
}
