/** Frame opcodes (RFC 6455 §11.8). 3 to 7 and 11 to 15 are reserved. */
export const Opcode = {
  /** Goes on with the message that a text or binary frame began. */
  Continuation: 0x0,
  /** Begins a message of text, in UTF-8. */
  Text: 0x1,
  /** Begins a message of bytes. */
  Binary: 0x2,
  /** Begins or answers the end of the connection. */
  Close: 0x8,
  /** Asks for a pong with the same payload. */
  Ping: 0x9,
  /** Answers a ping, or is a sign of life. */
  Pong: 0xa,
} as const

/** The value of one opcode. */
export type Opcode = (typeof Opcode)[keyof typeof Opcode]

const names = new Map<number, string>(
  Object.entries(Opcode).map(([name, value]) => [value, name.toLowerCase()]),
)

/** Control frames have the highest opcode bit set (§5.5). */
export const isControl = (opcode: number): boolean => (opcode & 0x8) !== 0

/** Whether RFC 6455 gives this opcode a meaning (§5.2). */
export const isKnownOpcode = (opcode: number): boolean =>
  opcode === 1 || opcode === 2 || opcode === 0 || opcode === 8 || opcode === 9 || opcode === 10

/** The RFC's word for an opcode, or `reserved 0x…`. */
export const opcodeName = (opcode: number): string => names.get(opcode) ?? `reserved 0x${opcode.toString(16)}`
