import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { growthOf, type SoakResult } from '../../benchmarks/soak/deflate.js'

const CONNECTIONS = 150

test('contexts of connections that opened, talked and closed are gone: memory is flat', async () => {
  const soak = new URL('../../benchmarks/soak/deflate.js', import.meta.url)
  const program = `import { soak } from ${JSON.stringify(soak.href)}
    console.log(JSON.stringify(await soak({ connections: ${CONNECTIONS}, seconds: 0 })))
    process.exit()`
  const args = ['--expose-gc', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { external, messages }: SoakResult = JSON.parse(stdout)
  assert.ok(messages > 6 * 3 * CONNECTIONS)
  // Two rounds lie between the halves. The smaller context of a connection, to inflate, takes 32 KiB. What Node has
  // counted is looked at, and not what is resident: how much an allocator gives back is not the same every time.
  const leak = 2 * CONNECTIONS * (32 << 10)
  const growth = growthOf(external)
  assert.ok(growth < leak / 4, `${growth} bytes more at the end: ${external}`)
})
