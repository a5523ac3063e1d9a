import { type Profiler, Session } from 'node:inspector'

let session: Session | undefined

/** Starts to note, five times in a millisecond, which function runs. */
export async function startProfile(): Promise<void> {
  session = new Session()
  session.connect()
  await post('Profiler.enable')
  await post('Profiler.setSamplingInterval', { interval: 200 })
  await post('Profiler.start')
}

export async function stopProfile(): Promise<Profiler.Profile> {
  const { profile } = (await post('Profiler.stop')) as { profile: Profiler.Profile }
  session?.disconnect()
  return profile
}

function post(method: string, params: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session?.post(method, params, (error, result) => (error ? reject(error) : resolve(result)))
  })
}
