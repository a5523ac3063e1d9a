// Work that takes a processor a while is done in other threads; connections stay here, and stay quick.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { upgrade } from 'fastws'

/** More of it would keep a thread from everybody else for seconds, and soon for years. */
const LARGEST = 40

const fibonacci = (n: number): number => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2))

/** A thread that answers one question after the other. */
class Thread {
  readonly #worker = new Worker(new URL(import.meta.url))
  #last: Promise<unknown> = Promise.resolve()

  ask(question: number): Promise<number> {
    const answer = this.#last.then(async () => {
      this.#worker.postMessage(question)
      const [result] = await once(this.#worker, 'message')
      return result as number
    })
    this.#last = answer.catch(() => undefined)
    return answer
  }

  close() {
    return this.#worker.terminate()
  }
}

export async function start(port: number) {
  const threads = [new Thread(), new Thread()]
  let turn = 0
  const calculator = upgrade(async (conn) => {
    for await (const message of conn) {
      const n = Number(message.text())
      if (!(Number.isInteger(n) && n >= 0 && n <= LARGEST))
        return void conn.close(1008, `A number from 0 to ${LARGEST}`)
      const thread = threads[turn++ % threads.length]
      await conn.send(`fibonacci(${n}) = ${await thread?.ask(n)}`)
    }
  })
  const server = createServer(calculator).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.close()
    for (const thread of threads) await thread.close()
  }
  return { url, close }
}

if (!isMainThread) parentPort?.on('message', (n: number) => parentPort?.postMessage(fibonacci(n)))
else if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Calculates on ${url}. Try: node dist/examples/echo-client.js --url ${url} 35`)
}
