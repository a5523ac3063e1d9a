// The process that the load comes from: does what it is told over its channel.
import { answer } from '../rpc.js'
import { type BroadcastJob, BroadcastLoad } from './broadcast.js'
import type { CountedLoad } from './counted.js'
import { type EchoJob, EchoLoad } from './echo.js'
import { type MassJob, MassLoad } from './mass.js'
import { type PackedJob, PackedLoad } from './packed.js'
import { startReflector } from './reflector.js'

let load: CountedLoad | undefined
let mass: MassLoad | undefined

answer({
  startEcho: async (job: EchoJob) => {
    load = await EchoLoad.start(job)
  },
  startBroadcast: async (job: BroadcastJob) => {
    load = await BroadcastLoad.start(job)
  },
  startPacked: async (job: PackedJob) => {
    load = await PackedLoad.start(job)
  },
  warm: () => load?.warm(),
  count: () => load?.count(),
  stop: () => load?.stop(),

  startReflector,

  openMass: async (job: MassJob) => {
    mass = await MassLoad.open(job)
  },
  echoMass: (job: { times: number; size: number }) => mass?.echo(job),
  closeMass: () => mass?.close(),
})
