// What a frame is, for people.

export const OPCODES = { 0: 'cont', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' }
export const isControl = ({ opcode }) => opcode >= 8

const decoder = new TextDecoder()
const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const spaced = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')

/** Makes ready what came from the server; `isText` says whether the message of this frame is one. */
export function toFrame(row, isText) {
  const bytes = bytesOf(row.payload)
  return {
    ...row,
    bytes,
    isText,
    name: OPCODES[row.opcode] ?? `0x${row.opcode.toString(16)}`,
    shown: preview(row, bytes, isText),
  }
}

function preview({ opcode, length }, bytes, isText) {
  const more = length > bytes.length ? ' …' : ''
  if (opcode === 8 && bytes.length >= 2)
    return `${(bytes[0] << 8) | bytes[1]} ${decoder.decode(bytes.subarray(2))}`.trim()
  return (isText ? decoder.decode(bytes) : spaced(bytes)) + more
}

/** The header as it was on the wire (RFC 6455 §5.2). */
export function headerOf({ fin, rsv, opcode, maskKey, length }) {
  const bytes = [(fin ? 0x80 : 0) | (Number.parseInt(rsv, 2) << 4) | opcode]
  const masked = maskKey === null ? 0 : 0x80
  if (length < 126) bytes.push(masked | length)
  else if (length < 65_536) bytes.push(masked | 126, length >> 8, length & 255)
  else {
    bytes.push(masked | 127)
    for (let shift = 56n; shift >= 0n; shift -= 8n) bytes.push(Number((BigInt(length) >> shift) & 255n))
  }
  if (maskKey !== null) bytes.push(...bytesOf(maskKey))
  return spaced(bytes)
}

/** Bytes as a hex editor shows them, so many to a line. */
export function hexDump(bytes, perLine) {
  const lines = []
  for (let at = 0; at < bytes.length; at += perLine) {
    const part = bytes.subarray(at, at + perLine)
    const letters = Array.from(part, (byte) =>
      byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·',
    ).join('')
    lines.push(`${at.toString(16).padStart(4, '0')}  ${spaced(part).padEnd(perLine * 3)} ${letters}`)
  }
  return lines.join('\n')
}

export const clockOf = (at) => {
  const time = new Date(at)
  const two = (value) => String(value).padStart(2, '0')
  return `${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

export const inUnits = (bytes) =>
  bytes < 1000
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1000).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`
