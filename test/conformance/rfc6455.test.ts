import { describe, test } from 'node:test'
import { Bench, ROLES } from './bench.js'
import { rules } from './rfc6455.js'
import { runCase, VARIANTS } from './wire-case.js'

for (const rule of rules)
  describe(`RFC 6455 §${rule.section}: ${rule.rule}`, () => {
    for (const role of ROLES.filter((one) => rule.role === 'both' || rule.role === one))
      for (const one of [...rule.positive, ...rule.negative])
        test(`${role}: ${one.name}`, { timeout: 10_000 }, async (t) => {
          const bench = await Bench.open(t, role)
          for (const variant of VARIANTS) await runCase(bench, one, variant)
        })
  })
