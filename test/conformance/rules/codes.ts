import { closePayload } from '../../support/index.js'
import { answers, closes } from '../wire-case.js'
import { close, refuses, type WireRule } from './rule.js'

/** Close codes at the edges of what may travel (§7.4.1, §7.4.2, and 1012 to 1014 of the IANA registry). */
export const MAY_TRAVEL = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4001, 4999,
]
const MAY_NOT = [
  0, 1, 125, 126, 255, 256, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2001, 2999, 5000, 5001,
  9999, 32768, 65535,
]

export const codes: readonly WireRule[] = [
  {
    section: '7.4',
    rule: 'Only 1000 to 1014 but 1004 to 1006, and 3000 to 4999 stand in a Close frame that is received',
    role: 'both',
    positive: MAY_TRAVEL.map((code) => ({
      name: String(code),
      given: [close(closePayload(code, 'why'))],
      end: answers(code, 'why'),
    })),
    negative: MAY_NOT.map((code) =>
      refuses(String(code), [close(closePayload(code))], 'WS_ERR_CLOSE_PAYLOAD'),
    ),
  },
  {
    section: '7.4',
    rule: 'The same goes for what is sent',
    role: 'both',
    positive: MAY_TRAVEL.map((code) => ({
      name: String(code),
      act: (conn) => void conn.close(code, 'why'),
      given: [close(closePayload(code))],
      end: { ...closes(code, code, ''), close: closePayload(code, 'why') },
    })),
    negative: [-1, 1000.5, Number.NaN, Infinity, 65536, ...MAY_NOT].map((code) => ({
      name: String(code),
      act: (conn) => conn.close(code),
      refused: { name: 'RangeError', code: 'WS_ERR_ARGUMENT' },
    })),
  },
]
