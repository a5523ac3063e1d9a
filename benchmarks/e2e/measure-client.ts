import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { here } from '../root.js'
import type { ClientShape } from './clients/client.js'
import { LoadProcess } from './load-process.js'
import { end, SERVER_CORE, spawnPinned } from './pinned.js'
import { Questions } from './rpc.js'
import type { Usage } from './servers/usage.js'
import { afterSome, type Times } from './window.js'

export type ClientSample = {
  /** Microseconds of processor time that the client spent for each message it sent and got back. */
  cpuPerMessage: number
  messagesPerSecond: number
  clientBusy: number
}

type ClientUsage = Usage & { readonly messages: number; readonly checked: number }

export interface ClientProgram {
  readonly script: string
  readonly flags?: readonly string[] | undefined
}

/** Runs a client program against a server that is as cheap as can be. */
export async function measureClient(
  { script, flags = [] }: ClientProgram,
  shape: ClientShape,
  times: Times,
): Promise<ClientSample> {
  const load = new LoadProcess()
  const program = join(here, 'e2e/clients', script)
  const child = spawnPinned(process.execPath, [...flags, program], { core: SERVER_CORE, ipc: true })
  const client = new Questions(child)
  try {
    const port = await load.ask<number>('startReflector', shape)
    await client.ask('start', { shape, port })
    await sleep(times.warmUp)
    const before = await client.ask<ClientUsage>('usage')
    const after = await afterSome(
      times.window,
      () => client.ask<ClientUsage>('usage'),
      ({ messages }) => messages > before.messages,
    )
    return sampleOf(before, after)
  } finally {
    await Promise.all([load.stop(), end(child)])
  }
}

function sampleOf(before: ClientUsage, after: ClientUsage): ClientSample {
  const messages = after.messages - before.messages
  const time = after.at - before.at
  const cpu = after.cpu - before.cpu
  if (messages === 0) throw new Error('Nothing came back')
  if (after.checked === 0) throw new Error('Nothing was compared')
  return {
    cpuPerMessage: cpu / messages,
    messagesPerSecond: (messages / time) * 1000,
    clientBusy: cpu / 1000 / time,
  }
}
