import { preview } from '../annotate.js'
import type { Whole } from '../recording/events.js'
import { type Played, TOLD } from './player.js'
import type { Script } from './script.js'

/** Bytes of a message that are shown where it differs. */
const SHOWN = 48
/** Bytes before the first difference that are shown with it. */
const BEFORE = 8

/** How what came differs from what was recorded, one line each; none when it is the same. */
export function differences(script: Script, { received, count, closeCode }: Played): string[] {
  const { expected } = script
  const lines: string[] = []
  for (let i = 0; i < Math.max(expected.length, received.length); i++) {
    const line = difference(expected[i], received[i])
    if (line !== undefined) lines.push(`message ${i + 1}: ${line}`)
  }
  if (script.closeCode !== undefined && script.closeCode !== closeCode)
    lines.push(`Close: recorded was ${script.closeCode}, but there came ${closeCode ?? 'none'}`)
  const more = lines.length + count - received.length - TOLD
  return more <= 0 ? lines : [...lines.slice(0, TOLD), `… and ${more} more`]
}

function difference(expected: Whole | undefined, came: Whole | undefined): string | undefined {
  if (expected === undefined) return came && `nothing was recorded, but there came ${words(came, 0)}`
  if (came === undefined) return `recorded was ${words(expected, 0)}, but there came none`
  if (expected.isText === came.isText && expected.data.equals(came.data)) return undefined
  const at = firstDifference(expected.data, came.data)
  const from = Math.max(0, at - BEFORE)
  const where = at < Math.max(expected.data.length, came.data.length) ? `, different from byte ${at} on` : ''
  return `recorded was ${words(expected, from)}, but there came ${words(came, from)}${where}`
}

function words({ isText, data }: Whole, from: number): string {
  const length = data.length === 1 ? '1 byte' : `${data.length} bytes`
  const shown =
    data.length === 0 ? '' : ` ${from > 0 ? '…' : ''}${preview(data.subarray(from), isText, SHOWN)}`
  return `a ${isText ? 'text' : 'binary message'} of ${length}${shown}`
}

function firstDifference(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at
  return length
}
