import { websocketLibrary } from './interop.js'
import { interopWith } from './interop-suite.js'

interopWith(websocketLibrary)
