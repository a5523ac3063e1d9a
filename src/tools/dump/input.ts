import { existsSync } from 'node:fs'
import { UsageError } from '../command.js'
import { readFileOf } from '../dial-flags.js'
import { readAll } from '../read-all.js'
import { looksLikeHex, parseHex, type Segment } from './hex.js'

/** What there is to take apart. */
export type Input =
  | { readonly kind: 'bytes'; readonly segments: readonly Segment[] }
  | { readonly kind: 'recording'; readonly text: string }

export const KINDS = ['hex', 'binary', 'recording'] as const
export type Kind = (typeof KINDS)[number]

/** What the arguments mean: the name of a file, bytes in hex, or nothing or `-` for what comes in on stdin. */
export async function readInput(
  args: readonly string[],
  kind: Kind | undefined,
  stdin: () => AsyncIterable<unknown>,
): Promise<Input> {
  const [first] = args
  if (first === undefined || (first === '-' && args.length === 1))
    return inputOf(await readAll(stdin()), kind)
  const text = args.join(' ')
  const isHex = looksLikeHex(text)
  // A file may have a name of hex digits: with --as hex, such an argument is the bytes.
  const namesFile = args.length === 1 && !(kind === 'hex' && isHex)
  if (namesFile && existsSync(first)) return inputOf(readFileOf(`'${first}'`, first), kind)
  if (kind !== undefined && kind !== 'hex') throw new UsageError(`there is no file '${first}'`)
  if (!isHex) throw new UsageError(`'${first}' is neither a file nor bytes in hex`)
  return { kind: 'bytes', segments: parseHex(text) }
}

/** How a capture begins, as tcpdump and Wireshark write it: pcap in either byte order, or pcapng. */
const CAPTURES = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']

function inputOf(bytes: Buffer, kind: Kind | undefined): Input {
  if (kind === undefined && CAPTURES.includes(bytes.toString('hex', 0, 4)))
    throw new UsageError(
      'this is a capture of packets, and frames are wanted: tshark -r FILE -T fields -e tcp.payload -Y ' +
        "'tcp.stream == 0 && tcp.srcport == 8080' prints the bytes of one direction, in hex",
    )
  switch (kind ?? guess(bytes)) {
    case 'recording':
      return { kind: 'recording', text: bytes.toString() }
    case 'hex':
      return { kind: 'bytes', segments: parseHex(bytes.toString()) }
    case 'binary':
      return { kind: 'bytes', segments: [{ direction: undefined, bytes }] }
  }
}

/** So much is looked at to tell what something is. */
const GLANCE = 4096

function guess(bytes: Buffer): Kind {
  const glance = bytes.toString('latin1', 0, GLANCE)
  if (glance.trimStart().startsWith('{')) return 'recording'
  // A control character other than white space is in every stream of frames, and in no text.
  const isText = [...glance].every((character) => character >= ' ' || '\t\r\n'.includes(character))
  return isText && looksLikeHex(glance) ? 'hex' : 'binary'
}
