// Runs the compiled tests, with the fast paths on and off, on every Node that is supported:
//
//     npm run test:matrix                   the oldest supported, and the newest 20, 22, 24 and 26
//     npm run test:matrix -- 22 24.0.0      those only
//     npm run test:matrix -- --update       looks for newer ones than were fetched before
//
// npm's package node-<platform>-<arch> is the program itself; it is kept in .node-matrix/.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { root } from './lib.mjs'
import { runTests, testFiles } from './run-tests.mjs'

const execute = promisify(execFile)

/** The oldest that `engines` allows, and the newest of each line. */
const SUPPORTED = ['20.19.0', '20', '22', '24', '26']

const { values, positionals } = parseArgs({
  options: { update: { type: 'boolean' } },
  allowPositionals: true,
})

const results = []
for (const wanted of positionals.length > 0 ? positionals : SUPPORTED) results.push(...(await testOn(wanted)))

console.log('\n> matrix')
for (const { name, failed } of results) console.log(`${failed ? '✖' : '✔'} ${name}`)
if (results.some(({ failed }) => failed)) process.exitCode = 1

/** Both runs on one Node; what cannot be fetched has failed. */
async function testOn(wanted) {
  let node
  try {
    node = await program(wanted)
  } catch (error) {
    console.error(error.message)
    return [{ name: `Node ${wanted} could not be fetched`, failed: true }]
  }
  const { stdout } = await execute(node, ['--version'])
  const outcomes = []
  for (const portable of [false, true]) {
    const name = `Node ${stdout.trim()}, fast paths ${portable ? 'off' : 'on'}`
    console.log(`\n> ${name}`)
    // Programs that tests start by name, npm among them, meet the same Node.
    const env = {
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      FASTWS_PORTABLE: portable ? '1' : '',
    }
    const code = await runTests(testFiles(), { node, env })
    outcomes.push({ name, failed: code !== 0 })
  }
  return outcomes
}

/** The path of a Node of that version, fetched unless it was before. */
async function program(wanted) {
  const folder = join(root, '.node-matrix', wanted)
  const path = join(folder, 'package/bin/node')
  if (existsSync(path) && !values.update) return path
  const fresh = `${folder}.part`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  const name = `node-${process.platform}-${process.arch}@${wanted}`
  console.log(`Fetching ${name} …`)
  await execute('npm', ['pack', name, '--pack-destination', fresh])
  const tarball = readdirSync(fresh).find((file) => file.endsWith('.tgz')) ?? ''
  await execute('tar', ['-xzf', tarball, 'package/bin/node'], { cwd: fresh })
  rmSync(join(fresh, tarball))
  rmSync(folder, { recursive: true, force: true })
  renameSync(fresh, folder)
  return path
}
