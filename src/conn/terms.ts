import { Codecs } from './codecs.js'
import type { ConnSetup } from './setup.js'
import { timekeeperOf } from './timekeeper.js'

/** What both sides have agreed on for a connection, in the handshake or otherwise. */
export interface Terms {
  readonly protocol: string
  readonly extensionNames: readonly string[]
  readonly codecs: Codecs | undefined
  /** Reserved bits that the extensions use. */
  readonly allowedRsv: number
}

/** Most connections have agreed on nothing: one object says so for all of them. */
const NOTHING: Terms = Object.freeze({
  protocol: '',
  extensionNames: Object.freeze([]),
  codecs: undefined,
  allowedRsv: 0,
})

export function termsOf(setup: Pick<ConnSetup, 'protocol' | 'extensions' | 'options'>): Terms {
  const { protocol = '', extensions = [] } = setup
  if (extensions.length === 0 && protocol === '') return NOTHING
  return {
    protocol,
    extensionNames: extensions.map((extension) => extension.name),
    codecs: extensions.length === 0 ? undefined : new Codecs(extensions, timekeeperOf(setup.options.clock)),
    allowedRsv: extensions.reduce((bits, extension) => bits | extension.rsv, 0),
  }
}
