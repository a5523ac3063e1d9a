import { testTargets } from './target-tests.js'
import { wireTargets } from './wire-targets.js'

// An input takes longer here than in a parser, and goes more ways.
testTargets(wireTargets, 4)
