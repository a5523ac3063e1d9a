import { closing } from './rules/closing.js'
import { control } from './rules/control.js'
import { baseFraming, fragmentation, masking } from './rules/framing.js'
import type { WireRule } from './rules/rule.js'
import { security } from './rules/security.js'

export const rules: readonly WireRule[] = [
  ...masking,
  ...baseFraming,
  ...fragmentation,
  ...control,
  ...closing,
  ...security,
]
