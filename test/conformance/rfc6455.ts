import type { AnswerRule, RequestRule } from './handshake-case.js'
import { closing } from './rules/closing.js'
import { codes } from './rules/codes.js'
import { control } from './rules/control.js'
import { fragmentation } from './rules/fragmentation.js'
import { baseFraming } from './rules/framing.js'
import { answersToUs } from './rules/handshake-client.js'
import { requests } from './rules/handshake-server.js'
import { masking } from './rules/masking.js'
import type { WireRule } from './rules/rule.js'
import { security } from './rules/security.js'

/** What a server does with requests. */
export const requestRules: readonly RequestRule[] = requests

/** What a client asks, and what it does with answers. */
export const answerRules: readonly AnswerRule[] = answersToUs

/** What both do on an open connection. */
export const wireRules: readonly WireRule[] = [
  ...masking,
  ...baseFraming,
  ...fragmentation,
  ...control,
  ...closing,
  ...codes,
  ...security,
]
