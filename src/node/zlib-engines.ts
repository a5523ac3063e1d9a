import type { Engines } from '../deflate/engine.js'
import { ZlibDeflater } from './deflater.js'
import { ZlibInflater } from './inflater.js'

/** Engines made of Node's zlib. */
export const zlibEngines: Engines = {
  deflater: (settings, isShared) => new ZlibDeflater(settings, isShared),
  inflater: (windowBits, isShared) => new ZlibInflater(windowBits, isShared),
}
