import { StringDecoder } from 'node:string_decoder'
import { FIN, RSV1, RSV2, RSV3 } from './header.js'
import { Opcode, opcodeName } from './opcode.js'

/** Bytes of a payload that are shown at most. */
const SHOWN = 32

/** A frame in one line for people: opcode, bits, masking key, length and the beginning of the payload. */
export function describeFrame(
  head: number,
  maskKey: number | undefined,
  length: number,
  payload: Buffer,
): string {
  const opcode = head & 0x0f
  const words = [
    opcodeName(opcode),
    (head & FIN) !== 0 && 'fin',
    (head & RSV1) !== 0 && 'rsv1',
    (head & RSV2) !== 0 && 'rsv2',
    (head & RSV3) !== 0 && 'rsv3',
    maskKey !== undefined && `masked ${maskKey.toString(16).padStart(8, '0')}`,
    length === 1 ? '1 byte' : `${length} bytes`,
    payload.length > 0 && preview(payload, opcode === Opcode.Text),
  ]
  return words.filter(Boolean).join(' ')
}

function preview(payload: Buffer, isText: boolean): string {
  const shown = payload.subarray(0, SHOWN)
  const more = payload.length > SHOWN
  if (!isText) return shown.toString('hex') + (more ? '…' : '')
  // The decoder leaves out a character that is cut, where toString() would show it as broken.
  return more ? `${quote(new StringDecoder().write(shown))}…` : quote(shown.toString())
}

/** In quotes, with everything escaped that a terminal might obey: controls (C1 and DEL too), direction marks, line ends. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
