/** Groups 12 and 13: permessage-deflate (RFC 7692), by what is sent, and by what is agreed on. */
import { type Case, type Group, group, type Source, shut } from '../case.js'
import type { DeflateOffer, DeflateParams } from '../deflate.js'
import { DATA_SETS, type DataSet } from '../payloads.js'

const COUNT = 1000

/** Bytes on their way there and back at once: less than a peer holds back before it takes no more. */
const AHEAD = 256 << 10

/** Size of the messages, and of their fragments: 0 for one frame each. */
const SIZES: readonly (readonly [size: number, fragment: number])[] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072].map((size) => [size, 0] as const),
  ...[8192, 16384, 32768, 65536, 131072].map((size) => [size, 256] as const),
  ...[1024, 4096, 32768].map((fragment) => [131072, fragment] as const),
]

/** The data from its beginning to its end and over again, cut into messages. */
function source({ title, isText, make }: DataSet, size: number, fragment: number): Source {
  const period = Math.max(1, Math.floor(make().length / size))
  const at = (index: number): Buffer => {
    const start = (index % period) * size
    return make().subarray(start, start + size)
  }
  return { name: `${title} ${size}`, isText, fragment, period, at }
}

const compressed = (data: DataSet, deflate: DeflateOffer): Omit<Case, 'id'>[] =>
  SIZES.map(([size, fragment]) => ({
    description: `${COUNT} messages of ${size} bytes${fragment === 0 ? '' : ` in frames of ${fragment}`}`,
    heavy: true,
    deflate,
    steps: () => [{ do: 'echo', count: COUNT, message: source(data, size, fragment), ahead: AHEAD }, ...shut],
  }))

const NOTHING: DeflateParams = { noTakeover: false, windowBits: 0 }

const WAYS: readonly DeflateOffer[] = [
  [NOTHING],
  [{ noTakeover: true, windowBits: 0 }],
  [{ noTakeover: false, windowBits: 9 }],
  [{ noTakeover: false, windowBits: 15 }],
  [{ noTakeover: true, windowBits: 9 }],
  [{ noTakeover: true, windowBits: 15 }],
  [{ noTakeover: true, windowBits: 9 }, { noTakeover: true, windowBits: 0 }, NOTHING],
]

const inWords = ({ noTakeover, windowBits }: DeflateParams): string =>
  [
    noTakeover ? 'no context takeover' : 'context takeover',
    windowBits > 0 ? `a window of ${windowBits} bits` : 'any window',
  ].join(', ')

export const compressionGroups: readonly Group[] = [
  ...DATA_SETS.map((data, i) =>
    group(`12.${i + 1}`, `Compression: ${data.title}`, compressed(data, [NOTHING])),
  ),
  ...WAYS.map((way, i) =>
    group(
      `13.${i + 1}`,
      `Compression: asked for are ${way.map(inWords).join('; or ')}`,
      compressed(DATA_SETS[0] as DataSet, way),
    ),
  ),
]
