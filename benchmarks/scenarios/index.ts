import { broadcast } from './broadcast.js'
import { client } from './client.js'
import { echoA, echoB, echoC, echoOverTls } from './echo.js'
import { growth } from './growth.js'
import { inMemory } from './in-memory.js'
import { large } from './large.js'
import { mass } from './mass.js'
import type { Scenario } from './scenario.js'

/** All scenarios, in the order in which they run. G (compression) has its place between F and H. */
export const scenarios: readonly Scenario[] = [
  echoA,
  echoB,
  echoC,
  mass,
  inMemory,
  broadcast,
  large,
  client,
  growth,
  echoOverTls,
]
