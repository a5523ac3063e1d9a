import { broadcast } from './broadcast.js'
import { client } from './client.js'
import { echoA, echoB, echoC, echoOverTls } from './echo.js'
import { growth } from './growth.js'
import { inMemory } from './in-memory.js'
import { large } from './large.js'
import { mass } from './mass.js'
import { packed } from './packed.js'
import type { Scenario } from './scenario.js'

/** All scenarios, in the order in which they run. */
export const scenarios: readonly Scenario[] = [
  echoA,
  echoB,
  echoC,
  mass,
  inMemory,
  broadcast,
  packed,
  large,
  client,
  growth,
  echoOverTls,
]
