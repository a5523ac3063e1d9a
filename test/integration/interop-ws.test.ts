import { wsLibrary } from './interop.js'
import { interopWith } from './interop-suite.js'

interopWith(wsLibrary)
