import { broadcast } from './broadcast.js'
import { echoA, echoB, echoC, echoOverTls } from './echo.js'
import { mass } from './mass.js'
import type { Scenario } from './scenario.js'

/** All scenarios, in the order in which they run. G (compression) has its place between F and H. */
export const scenarios: readonly Scenario[] = [echoA, echoB, echoC, mass, broadcast, echoOverTls]
