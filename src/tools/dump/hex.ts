import type { FrameDirection } from '../annotate.js'
import { UsageError } from '../command.js'
import { textLines } from '../text-lines.js'

/** Bytes that somebody wrote down; the direction, where it was written down, too. */
export interface Segment {
  readonly direction: FrameDirection | undefined
  readonly bytes: Buffer
}

/** '>' in front of a line is the client's, '<' the server's. */
const ARROW = /^\s*([<>])/
/** A comment goes from here to the end of its line. */
const COMMENT = /#|\/\/|;/
/** An offset with a colon, as xxd and tcpdump write it: at least 4 digits, and something between it and the bytes. */
const COLON_OFFSET = /^\s*(?:0x)?[0-9a-f]{4,}:(?=\s)\s*/i
/** An offset without one, as hexdump, od and Wireshark write it: the first is 0, and more space stands behind it. */
const ZERO_OFFSET = /^\s*0{4,8}(?:\s{2,}| (?=[0-9a-f]{2} ))/i
const PLAIN_OFFSET = /^\s*[0-9a-f]{4,8}(?:\s+|$)/i
/** What may stand between and before digits: space, colons, commas, 0x, \x, brackets, quotes. */
const NOISE = /0x|\\x|[\s:,_\-[\]{}()'"]/gi
/** The bytes a line of a dump shows at most. */
const ROW = 16

/** Whether a text can be bytes in hex at all. */
export const looksLikeHex = (text: string): boolean => {
  for (const line of textLines(text)) {
    const digits = withoutComment(line.replace(ARROW, '')).replace(NOISE, '')
    if (digits !== '') return isOffsetLine(line) || /^[0-9a-f]*$/i.test(digits)
  }
  return false
}

function withoutComment(line: string): string {
  const comment = line.search(COMMENT)
  return comment < 0 ? line : line.slice(0, comment)
}

const isOffsetLine = (line: string): boolean =>
  COLON_OFFSET.test(line.replace(ARROW, '')) || ZERO_OFFSET.test(line.replace(ARROW, ''))

/**
 * Reads bytes in hex, however they were written down: with spaces, colons, commas or `0x`, with comments, as xxd,
 * hexdump and tcpdump print them.
 *
 * @throws UsageError that names the line and what is wrong with it.
 */
export function parseHex(text: string): Segment[] {
  const style = styleOf(text)
  const segments: { direction: FrameDirection | undefined; digits: string }[] = []
  let number = 0
  for (const line of textLines(text)) {
    const arrow = ARROW.exec(line)?.[1]
    const digits = digitsOf(line.replace(ARROW, ''), style, ++number)
    if (digits === '') continue
    const direction = arrow === '>' ? 'sent' : arrow === '<' ? 'received' : undefined
    const last = segments.at(-1)
    if (last !== undefined && arrow === undefined) last.digits += digits
    else segments.push({ direction, digits })
  }
  return segments.map(({ direction, digits }) => ({ direction, bytes: bytesOf(digits) }))
}

type Style = 'colon' | 'plain' | 'none'

/** How the first line that is not empty begins. */
function styleOf(text: string): Style {
  for (const one of textLines(text)) {
    const line = one.replace(ARROW, '')
    if (line.trim() !== '')
      return COLON_OFFSET.test(line) ? 'colon' : ZERO_OFFSET.test(line) ? 'plain' : 'none'
  }
  return 'none'
}

function bytesOf(digits: string): Buffer {
  if (digits.length % 2 === 1) throw new UsageError(`${digits.length} hex digits make no whole bytes`)
  return Buffer.from(digits, 'hex')
}

function digitsOf(line: string, style: Style, number: number): string {
  if (style === 'colon' && COLON_OFFSET.test(line)) return rowDigits(line.replace(COLON_OFFSET, ''))
  if (style === 'plain' && PLAIN_OFFSET.test(line)) return rowDigits(line.replace(PLAIN_OFFSET, ''))
  const digits = withoutComment(line).replace(NOISE, '')
  const strange = /[^0-9a-f]/i.exec(digits)?.[0]
  if (strange !== undefined) throw new UsageError(`line ${number}: '${strange}' is no hex digit`)
  return digits
}

/** The bytes of a row in a dump: what stands behind them shows them as characters. */
function rowDigits(row: string): string {
  const [hex = ''] = row.split(/\||\s{3,}/, 1)
  const groups: string[] = []
  for (const [i, group] of splitGroups(hex).entries()) {
    if (!/^(?:[0-9a-f]{2})+$/i.test(group)) break
    if (i > 0 && groups.join('').length + group.length > 2 * ROW) break
    groups.push(group)
  }
  return groups.join('')
}

/** Groups of a row; two spaces end it, but for the gap that hexdump leaves in its middle. */
function splitGroups(hex: string): string[] {
  const [left = '', right = ''] = hex.trim().split(/\s{2}/)
  const first = left.split(/\s/)
  const isGap = first.length === ROW / 2 && first.every((group) => group.length === 2) && right !== ''
  if (!isGap) return first
  return [...first, ...right.split(/\s/).slice(0, ROW / 2)]
}
