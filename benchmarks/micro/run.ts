// Runs the small benchmarks: what is fast beside its naive twin, without sockets.
//
//     npm run bench:micro                   all of them
//     npm run bench:micro -- mask decode    those only
import { parseArgs } from 'node:util'
import { aligned } from '../table.js'
import * as copy from './copy.js'
import * as decode from './decode.js'
import * as encode from './encode.js'
import * as header from './header.js'
import * as mask from './mask.js'
import { FULL, HEAD, measureTwins, type Twins } from './pairs.js'
import * as pool from './pool.js'
import * as utf8 from './utf8.js'

/** All of them by name. */
export const micro: Readonly<Record<string, { readonly twins: readonly Twins[] }>> = {
  mask,
  header,
  decode,
  encode,
  copy,
  pool,
  utf8,
}

if (import.meta.filename === process.argv[1]) {
  const { positionals } = parseArgs({ allowPositionals: true })
  for (const name of positionals.length > 0 ? positionals : Object.keys(micro)) {
    const { twins } = micro[name] ?? {}
    if (twins === undefined)
      throw new Error(`Nothing is called ${name}; known are ${Object.keys(micro).join(', ')}`)
    console.log(`${aligned([HEAD, ...measureTwins(twins, FULL)])}\n`)
  }
}
