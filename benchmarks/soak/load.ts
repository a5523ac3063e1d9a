// The clients of a soak, in a process of their own.
import { answer } from '../e2e/rpc.js'
import { type Client, emptyTally, kinds, type Tally } from './clients.js'

const clients: Client[] = []
const tallies: Record<string, Tally> = {}

/** Dials at a time: more would only wait for each other. */
const AT_ONCE = 64

async function open({ port, connections }: { port: number; connections: number }): Promise<number> {
  const wanted = Object.entries(kinds).flatMap(([name, { share }]) =>
    Array<string>(Math.max(1, Math.round((connections * share) / 100))).fill(name),
  )
  const total = wanted.length
  const lane = async (): Promise<void> => {
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      const tally = tallies[name] ?? emptyTally()
      tallies[name] = tally
      clients.push(await kinds[name]!.open(port, tally))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return total
}

async function stop(): Promise<Record<string, Tally>> {
  await Promise.all(clients.map((client) => client.stop()))
  return tallies
}

answer({ open, tallies: () => tallies, stop })
