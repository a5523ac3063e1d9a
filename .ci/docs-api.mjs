// Writes the reference of what can be imported: node .ci/docs-api.mjs [folder]. Needs a build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readApi } from './api-model.mjs'
import { pageOf } from './api-page.mjs'

const [folder = 'docs-out'] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const api = readApi()

mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'index.html'), pageOf(api, version))
writeFileSync(join(folder, 'api.json'), `${JSON.stringify(api, undefined, 2)}\n`)
console.log(
  `Open ${join(folder, 'index.html')} in a browser. ${join(folder, 'api.json')} has the same as data.`,
)
