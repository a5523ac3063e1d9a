// Questions to a child process and their answers, over the channel that Node opens for it.
import type { ChildProcess } from 'node:child_process'

/** The longest question, for 10,000 connections to be opened, takes a few seconds. */
const PATIENCE = 60_000

interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

// biome-ignore lint/suspicious/noExplicitAny: what is asked is agreed on between two programs, not within one.
export type Handlers = Readonly<Record<string, (argument: any) => unknown>>

/** In the child: answers what it is asked, and ends when the asking process is gone. */
export function answer(handlers: Handlers): void {
  process.on('message', async ({ id, name, argument }: Question) => {
    try {
      const handler = handlers[name]
      if (handler === undefined) throw new Error(`Nothing answers to ${name}`)
      process.send?.({ id, value: await handler(argument) })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** In the parent: a child that can be asked. */
export class Questions {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers>()
  #last = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: Answer) => this.#settle(answer))
    child.on('exit', (code, signal) => this.#giveUp(`The process ended with ${signal ?? code}`))
  }

  ask<T>(name: string, argument?: unknown): Promise<T> {
    const id = ++this.#last
    const patience = setTimeout(
      () => this.#settle({ id, error: `No answer to ${name} within ${PATIENCE / 1000} s` }),
      PATIENCE,
    )
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, name, argument }, (error) => {
        if (error) this.#settle({ id, error: error.message })
      })
    })
    return answered.finally(() => clearTimeout(patience)) as Promise<T>
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #giveUp(why: string): void {
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, error: why })
  }
}

interface PromiseWithResolvers {
  resolve(value: unknown): void
  reject(error: Error): void
}
