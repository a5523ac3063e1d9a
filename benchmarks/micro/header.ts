import { MASKED, readUint32, writeHeader } from '../../src/frame/header.js'
import { runWhenStarted, type Twins } from './pairs.js'

const FIN_TEXT = 0x81

/** The same with the methods that Buffer has for it. */
function naiveHeader(into: Buffer, length: number): number {
  into.writeUInt8(FIN_TEXT, 0)
  into.writeUInt8(MASKED | (length < 126 ? length : length < 0x10000 ? 126 : 127), 1)
  if (length < 126) return 2
  if (length < 0x10000) return into.writeUInt16BE(length, 2)
  return into.writeBigUInt64BE(BigInt(length), 2)
}

const bytes = Buffer.alloc(16, 0x12)

export const twins: readonly Twins[] = [
  ...[100, 1_000, 100_000].map((length) => ({
    name: `write the header for ${length} B`,
    fast: () => writeHeader(bytes, 0, FIN_TEXT, length, MASKED),
    naive: () => naiveHeader(bytes, length),
  })),
  { name: 'read a masking key', fast: () => readUint32(bytes, 3), naive: () => bytes.readUInt32BE(3) },
]

runWhenStarted(import.meta.filename, twins)
