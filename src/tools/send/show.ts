import { annotateLine, annotateLong, frameRecord, type SeenFrame } from '../annotate.js'
import { failureLines, failureRecord } from '../failure.js'
import type { Output } from '../output.js'
import type { Met } from './meet.js'

/** What a run of a script tells. */
export interface Show {
  opened(url: string, protocol: string, extensions: readonly string[]): void
  /** A frame that went by, and the rules that it breaks. */
  frame(seen: SeenFrame, faults: readonly string[]): void
  raw(bytes: Buffer, at: number): void
  expected(text: string, line: number, met: Met, at: number): void
  ended(how: string, at: number): void
  failed(error: unknown): void
  note(text: string): void
  result(held: number, failed: number): void
}

const rounded = (at: number): number => Math.round(at * 10) / 10
const time = (at: number): string => `${at.toFixed(1).padStart(9)} ms`

export function showToPeople(output: Output, isLong: boolean): Show {
  return {
    opened: (url, protocol, extensions) =>
      output.note([`connected to ${url}`, protocol, ...extensions].filter(Boolean).join(', ')),
    frame(seen, faults) {
      for (const line of isLong ? annotateLong(seen) : [annotateLine(seen)]) output.line(line)
      for (const fault of faults) output.line(`${' '.repeat(13)}! ${fault}`)
    },
    raw: (bytes, at) => output.line(`${time(at)} > ${bytes.length} raw bytes ${shortHex(bytes)}`),
    expected: (text, line, met, at) =>
      output.line(
        `${time(at)} ${met.ok ? `ok expect ${text}` : `FAILED line ${line}: expect ${text}, but ${met.why}`}`,
      ),
    ended: (how, at) => output.line(`${time(at)} < ${how}`),
    failed(error) {
      for (const line of failureLines(error)) output.note(line)
    },
    note: (text) => output.note(text),
    result: () => undefined,
  }
}

const shortHex = (bytes: Buffer): string =>
  bytes.toString('hex', 0, 64).replace(/..(?=.)/g, '$& ') + (bytes.length > 64 ? ' …' : '')

export function showAsJson(output: Output): Show {
  return {
    opened: (url, protocol, extensions) => output.json({ type: 'open', url, protocol, extensions }),
    frame: (seen, faults) => output.json({ ...frameRecord(seen), faults }),
    raw: (bytes, at) => output.json({ type: 'raw', at: rounded(at), hex: bytes.toString('hex') }),
    expected: (expected, line, met, at) =>
      output.json({
        type: 'expect',
        at: rounded(at),
        line,
        expected,
        ok: met.ok,
        why: met.ok ? null : met.why,
      }),
    ended: (how, at) => output.json({ type: 'end', at: rounded(at), how }),
    failed: (error) => output.json(failureRecord(error)),
    note: (text) => output.json({ type: 'note', text }),
    result: (held, failed) => output.json({ type: 'result', ok: failed === 0, held, failed }),
  }
}
