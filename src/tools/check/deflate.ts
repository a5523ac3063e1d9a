import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { type Head, valuesOf } from './http-head.js'

/** What we ask of the other side's compressor (RFC 7692 §7.1). */
export interface DeflateParams {
  readonly noTakeover: boolean
  /** 0 asks for nothing. */
  readonly windowBits: number
}

/** permessage-deflate as a case wants it: several ways, the best first. */
export type DeflateOffer = readonly DeflateParams[]

/** One direction of what was agreed on. */
export interface Way {
  readonly takeover: boolean
  readonly windowBits: number
}

export interface Agreement {
  /** What we send, and what we receive. */
  readonly ours: Way
  readonly theirs: Way
}

/** A message never inflates to more than this, unless another limit is given. */
const LARGEST = 64 << 20

const NAME = 'permessage-deflate'
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** What a client asks for: nothing but what is wanted of the server, and that it may limit us. */
export const offerHeader = (offer: DeflateOffer): string =>
  offer
    .map(({ noTakeover, windowBits }) =>
      [
        NAME,
        ...(noTakeover ? ['server_no_context_takeover'] : []),
        ...(windowBits > 0 ? [`server_max_window_bits=${windowBits}`] : []),
        'client_max_window_bits',
      ].join('; '),
    )
    .join(', ')

type Param = readonly [name: string, value: string | undefined]
type Params = ReadonlyMap<string, string | undefined>

/** The offers or the answer in a head: the parameters of each permessage-deflate in it. */
function parseParams(head: Head): (readonly Param[])[] {
  return valuesOf(head, 'sec-websocket-extensions')
    .flatMap((value) => value.split(','))
    .map((one) => one.split(';').map((part) => part.trim()))
    .filter(([name]) => name?.toLowerCase() === NAME)
    .map(([, ...params]) => params.map(parseParam))
}

function parseParam(param: string): Param {
  const [name = '', value] = param.split('=').map((part) => part.trim())
  return [name, value?.replaceAll('"', '')]
}

const bitsOf = (params: Params, name: string): number => Number(params.get(name) ?? 15)

/** Every parameter there is (§7.1), with whether it takes a value in an answer. */
const KNOWN: ReadonlyMap<string, boolean> = new Map([
  ['server_no_context_takeover', false],
  ['client_no_context_takeover', false],
  ['server_max_window_bits', true],
  ['client_max_window_bits', true],
])

/** What a server has agreed to; undefined when it declines, a text when it may not answer so. */
export function agreeAsClient(answer: Head, offer: DeflateOffer): Agreement | string | undefined {
  const [given, ...rest] = parseParams(answer)
  if (given === undefined) return undefined
  if (rest.length > 0) return 'accepts permessage-deflate twice'
  for (const [name, value] of given) {
    const wrong = wrongParam(name, value)
    if (wrong !== undefined) return wrong
  }
  const params = new Map(given)
  if (params.size < given.length) return 'answers with a parameter twice'
  const theirs = {
    takeover: !params.has('server_no_context_takeover'),
    windowBits: bitsOf(params, 'server_max_window_bits'),
  }
  const fits = offer.some(
    ({ noTakeover, windowBits }) =>
      (!noTakeover || !theirs.takeover) && (windowBits === 0 || theirs.windowBits <= windowBits),
  )
  if (!fits) return 'accepts permessage-deflate, but none of the offers as they were made'
  return {
    ours: {
      takeover: !params.has('client_no_context_takeover'),
      windowBits: bitsOf(params, 'client_max_window_bits'),
    },
    theirs,
  }
}

function wrongParam(name: string, value: string | undefined): string | undefined {
  const takesValue = KNOWN.get(name)
  if (takesValue === undefined) return `answers with the parameter '${name}', which does not exist`
  const bits = Number(value)
  if (!takesValue) return value === undefined ? undefined : `gives ${name} a value`
  return Number.isInteger(bits) && bits >= 8 && bits <= 15 ? undefined : `answers ${name}=${value}`
}

/** An offer with a parameter that is unknown, wrong or there twice has to be declined (§7.1). */
const isValid = (offer: readonly Param[]): boolean =>
  new Map(offer).size === offer.length &&
  offer.every(
    ([name, value]) =>
      (name === 'client_max_window_bits' && value === undefined) || wrongParam(name, value) === undefined,
  )

/** How a server answers the offers of a client: the first of ours that one of them can satisfy. */
export function agreeAsServer(
  request: Head,
  offer: DeflateOffer,
): { readonly agreement: Agreement; readonly header: string } | undefined {
  const offers = parseParams(request)
    .filter(isValid)
    .map((one) => new Map(one))
  for (const { noTakeover, windowBits } of offer) {
    const params = offers.find((one) => windowBits === 0 || one.has('client_max_window_bits'))
    if (params === undefined) continue
    const ours = {
      takeover: !params.has('server_no_context_takeover'),
      windowBits: bitsOf(params, 'server_max_window_bits'),
    }
    const limit = Math.min(windowBits || 15, bitsOf(params, 'client_max_window_bits'))
    const answer = [
      NAME,
      ...(ours.takeover ? [] : ['server_no_context_takeover']),
      ...(params.has('server_max_window_bits') ? [`server_max_window_bits=${ours.windowBits}`] : []),
      ...(noTakeover ? ['client_no_context_takeover'] : []),
      ...(windowBits > 0 ? [`client_max_window_bits=${limit}`] : []),
    ]
    const theirs = { takeover: !noTakeover, windowBits: windowBits > 0 ? limit : 15 }
    return { agreement: { ours, theirs }, header: answer.join('; ') }
  }
  return undefined
}

/** Compresses one message behind what was sent before (§7.2.1). */
export function deflate(data: Buffer, before: Buffer, windowBits: number): Buffer {
  // zlib has no raw window of 8 bits; blocks that are only stored look back at nothing.
  const [bits, level] = windowBits < 9 ? [9, 0] : [windowBits, 6]
  const compressed = deflateRawSync(data, {
    windowBits: bits,
    level,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(before.length > 0 && level > 0 && { dictionary: before }),
  })
  return compressed.subarray(0, compressed.length - TAIL.length)
}

/** Inflates the messages of one direction (§7.2.2), and notices when they look back further than was agreed. */
export class Inflater {
  readonly #way: Way
  readonly #longest: number
  #before: Buffer = Buffer.alloc(0)

  /** A message that inflates to more than `longest` is refused. */
  constructor(way: Way, longest = LARGEST) {
    this.#way = way
    this.#longest = Math.max(1, longest)
  }

  inflate(payload: Buffer): Buffer {
    const { windowBits } = this.#way
    const data = inflateRawSync(Buffer.concat([payload, TAIL]), {
      windowBits: Math.max(9, windowBits),
      // zlib sees further back than its window within one piece of output: so a smaller window takes small pieces.
      chunkSize: windowBits < 15 ? Math.max(1024, 1 << windowBits) : 1 << 16,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: this.#longest,
      ...(this.#before.length > 0 && { dictionary: this.#before }),
    })
    if (this.#way.takeover) this.#before = lastBytes([this.#before, data], 1 << this.#way.windowBits)
    return data
  }
}

/** The last bytes of some pieces, at most so many. */
export function lastBytes(pieces: readonly Buffer[], size: number): Buffer {
  const last = pieces.at(-1)
  if (last !== undefined && last.length >= size) return last.subarray(last.length - size)
  const all = Buffer.concat(pieces)
  return all.subarray(Math.max(0, all.length - size))
}
