import { constants, inflateRawSync } from 'node:zlib'
import { readWireFrame } from '../support/index.js'
import type { Seen } from './endpoints.js'

const hasFailed = ({ close }: Seen): boolean => close !== undefined && close >= 1002

const beginsWith = (whole: readonly string[], part: readonly string[]): boolean =>
  part.every((one, i) => one === whole[i])

/** In what fastws and ws differ where messages are compressed, and why. Each must happen in the example. */
export const PACKED_DIFFERENCES: readonly {
  readonly why: string
  /** What a client sends, in hex, that shows it. */
  readonly example: string
  readonly explains: (ours: Seen, theirs: Seen, messages: readonly Buffer[]) => boolean
}[] = [
  {
    why: 'ws inflates each fragment as it comes, we a message when it is whole: garbage shows later, behind pings and headers',
    example: '4181 00000000 ff 8981 00000000 70',
    explains: (ours, theirs) =>
      (theirs.close === 1007 || theirs.close === 1009) &&
      (ours.close === undefined || hasFailed(ours)) &&
      ours.echoes.join() === theirs.echoes.join() &&
      beginsWith(ours.pongs, theirs.pongs),
  },
  {
    why: 'ws refuses a reserved bit of a continuation from its header, we when the message is whole and the extension sees it',
    example: '4180 00000000 4080 00000000 8981 00000000 70',
    explains: (ours, theirs) =>
      theirs.close === 1002 &&
      (ours.close === undefined || hasFailed(ours)) &&
      ours.echoes.join() === theirs.echoes.join() &&
      beginsWith(ours.pongs, theirs.pongs),
  },
  {
    why: 'ws checks text when the message is whole, we check what is not compressed as it comes',
    example: '0181 00000000 ff 8981 00000000 70 8080 00000000',
    explains: (ours, theirs) =>
      ours.close === 1007 &&
      beginsWith(theirs.echoes, ours.echoes) &&
      beginsWith(theirs.pongs, ours.pongs) &&
      (theirs.close === undefined || hasFailed(theirs)),
  },
  {
    why: 'behind a final block ws drops what is left of a message, we go on with it (RFC 7692 §7.2.3.4)',
    // "Hello" with a final block, and once more without.
    example: 'c18f 00000000 f348cdc9c90700 00 f248cdc9c90700',
    explains: (_ours, _theirs, messages) => messages.some(goesOnBehindItsEnd),
  },
]

/** Whether something stands behind a block that is marked as the last one. */
function goesOnBehindItsEnd(packed: Buffer): boolean {
  try {
    const { engine } = inflateRawSync(packed, {
      info: true,
      finishFlush: constants.Z_SYNC_FLUSH,
    }) as unknown as { engine: { bytesWritten: number } }
    return engine.bytesWritten < packed.length
  } catch {
    return false
  }
}

/** The payloads of the messages in a stream, as they are on the wire. */
export async function messagesIn(stream: Buffer): Promise<Buffer[]> {
  const messages: Buffer[] = []
  let at = 0
  const read = async (count: number): Promise<Buffer> => {
    at += count
    return stream.subarray(at - count, at)
  }
  while (at < stream.length) {
    const { opcode, payload } = await readWireFrame(read)
    if (opcode === 0) messages.push(Buffer.concat([messages.pop() ?? Buffer.alloc(0), payload]))
    else if (opcode < 8) messages.push(payload)
  }
  return messages
}
