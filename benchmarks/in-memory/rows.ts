/** One line of the table: so many clients, so many messages for each, of so many bytes. */
export interface MemoryRow {
  readonly name: string
  readonly clients: number
  readonly messages: number
  readonly size: number
}

const SIZE = 64

/** The rows of the benchmark table of fastws for Go, by the names they have there. */
export const tableRows: readonly MemoryRow[] = [
  ...[10, 100, 1_000].map((messages) => ({
    name: `1000FastClientsPer${messages}Messages`,
    clients: 1_000,
    messages,
    size: SIZE,
  })),
  ...[100, 1_000, 10_000, 100_000].map((messages) => ({
    name: `${messages}FastMsgsPerConn`,
    clients: 1,
    messages,
    size: SIZE,
  })),
]

const SIZES: readonly (readonly [string, number])[] = [
  ['16 B', 16],
  ['64 B', 64],
  ['256 B', 256],
  ['1 KiB', 1 << 10],
  ['4 KiB', 4 << 10],
  ['16 KiB', 16 << 10],
  ['64 KiB', 64 << 10],
  ['256 KiB', 256 << 10],
  ['1 MiB', 1 << 20],
  ['4 MiB', 4 << 20],
  ['16 MiB', 16 << 20],
]

/** One client, and messages of growing size. */
export const sizeRows: readonly MemoryRow[] = SIZES.map(([name, size]) => ({
  name,
  clients: 1,
  messages: Math.max(1, Math.min(1_000, Math.floor((1 << 20) / size))),
  size,
}))
