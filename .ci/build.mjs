// Compiles everything into dist/ and removes what is left there of sources that are gone: a test that was deleted must
// not run, a module that was deleted must not be packed.
import { existsSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { filesIn, run, tool } from './lib.mjs'

const OUTPUT = /(?:\.d\.ts|\.js)(?:\.map)?$/

for (const path of filesIn('dist')) {
  if (!OUTPUT.test(path)) continue
  const source = relative('dist', path).replace(OUTPUT, '.ts')
  if (!existsSync(source)) rmSync(path)
}

process.exitCode = await run(tool('tsc'), ['-p', '.'])
