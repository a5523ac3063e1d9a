import { Frame, Opcode } from '../../src/frame/index.js'

/** A text of RFC 6455 §5.7, as a client sends it. */
export const hello = new Frame({ opcode: Opcode.Text, masked: true, maskKey: 0x37fa213d, payload: 'Hello' })

/** What records for programs say of it, whenever it was sent. */
export const helloRecord = {
  type: 'frame',
  direction: 'sent',
  fin: true,
  rsv1: false,
  rsv2: false,
  rsv3: false,
  opcode: 1,
  name: 'text',
  mask: '37fa213d',
  length: 5,
  lengthSize: 7,
  size: 11,
  encoding: 'utf8',
  payload: 'Hello',
  code: null,
  reason: null,
  inflated: null,
} as const
