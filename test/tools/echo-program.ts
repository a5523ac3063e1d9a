/** A peer in a process of its own: `node echo-program.js server fastws` prints its port, `… client ws URL` runs every case. */
import type { AddressInfo } from 'node:net'
import { echoPeers, runCases } from './echo.js'

/** While one case waits for compression in the thread pool, another goes on. */
const AT_ONCE = 3

const [side, library = '', url = ''] = process.argv.slice(2)
const peer = echoPeers[library]
if (peer === undefined) throw new Error(`There is no library '${library}'`)
if (side === 'client') await runCases(url, `${library} client`, peer, AT_ONCE)
else {
  const server = peer.server().listen(0, '127.0.0.1', () => {
    process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
  })
}
