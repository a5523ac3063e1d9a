// The process that the load comes from: does what it is told over its channel.
import { answer } from '../rpc.js'
import { type EchoJob, EchoLoad } from './echo.js'

let echo: EchoLoad | undefined

answer({
  startEcho: async (job: EchoJob) => {
    echo = await EchoLoad.start(job)
  },
  warm: () => echo?.warm(),
  count: () => echo?.count(),
  stop: () => echo?.stop(),
})
console.log('ready')
