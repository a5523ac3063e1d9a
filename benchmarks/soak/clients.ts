// The connections of a soak: each behaves in one way for as long as it lives, and knows what it has to get back.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conn, type DialOptions, dial } from '../../src/index.js'
import { clientMessage, HANDSHAKE, TEXT } from '../e2e/wire.js'

/** What all clients of one kind have done. */
export interface Tally {
  sent: number
  echoed: number
  /** Echoes that were not what comes next. */
  wrong: number
  /** Connections that ended in another way than they should. */
  lost: number
}

export const emptyTally = (): Tally => ({ sent: 0, echoed: 0, wrong: 0, lost: 0 })

/** One client: it goes on until it is told to stop, then waits for what is still to come and closes. */
export interface Client {
  stop(): Promise<void>
}

type Behaviour = (port: number, tally: Tally) => Promise<Client>

/** How long to wait for what is still on its way at the end. */
const PATIENCE = 30_000

const between = (least: number, most: number): number => least + Math.random() * (most - least)

/** The text of a message: its number, and something that makes it as long as it has to be. */
const textOf = (number: number, length: number): string => `${number} `.padEnd(length, 'soak ')

/** Rows that compress well, and are not all the same. */
const rowsOf = (number: number): string =>
  JSON.stringify(
    Array.from({ length: 20 }, (_, i) => ({
      number,
      id: createHash('sha1').update(`${number} ${i}`).digest('hex'),
      text: 'changed the price',
    })),
  )

interface Talk {
  /** The messages of one go. */
  readonly make: (number: number) => string
  readonly burst?: number
  /** Milliseconds between two goes. */
  readonly least: number
  readonly most: number
  readonly options?: DialOptions
}

/** fastws leaves the connection to a socket of a class of its own: only its socket can reset it. */
class OwnSocket extends net.Socket {}

/** Sends now and then, and gets the same back in the same order. */
class Talker implements Client {
  readonly #tally: Tally
  readonly #talk: Talk
  #conn!: Conn
  #socket: OwnSocket | undefined
  readonly #expected: string[] = []
  #number = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(tally: Tally, talk: Talk) {
    this.#tally = tally
    this.#talk = talk
  }

  async open(port: number, path: string, options: DialOptions = {}): Promise<this> {
    const close = (): void => {
      if (!this.#stopped) this.#tally.lost++
    }
    this.#conn = await dial(`ws://127.0.0.1:${port}${path}`, {
      compress: false,
      timeout: 120_000,
      ...this.#talk.options,
      ...options,
      events: { message: (_conn, message) => this.#hear(message.text()), close },
    })
    this.#later()
    return this
  }

  /** The same over a socket that can be reset. */
  async openOwn(port: number, path: string): Promise<this> {
    const socket = new OwnSocket().setNoDelay().connect(port, '127.0.0.1')
    this.#socket = socket
    await once(socket, 'connect')
    return this.open(port, path, { socket })
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const end = performance.now() + PATIENCE
    while (this.#expected.length > 0 && this.#conn.isOpen && performance.now() < end) await sleep(20)
    this.#stopped = true
    const { clean, code } = await this.#conn.close()
    if (!clean || code !== 1000) this.#tally.lost++
  }

  /** Is gone without a word: by a FIN, or by an RST. */
  vanish(how: 'end' | 'reset'): void {
    clearTimeout(this.#timer)
    this.#stopped = true
    if (how === 'end') this.#conn.terminate()
    else this.#socket?.resetAndDestroy()
  }

  #later(): void {
    const { least, most } = this.#talk
    this.#timer = setTimeout(() => this.#say(), between(least, most))
  }

  #say(): void {
    for (let left = this.#talk.burst ?? 1; left > 0; left--) {
      const text = this.#talk.make(this.#number++)
      this.#expected.push(text)
      this.#tally.sent++
      void this.#conn.send(text)
    }
    this.#later()
  }

  #hear(text: string): void {
    if (this.#expected.shift() === text) this.#tally.echoed++
    else this.#tally.wrong++
  }
}

const talker =
  (path: string, talk: Talk): Behaviour =>
  (port, tally) =>
    new Talker(tally, talk).open(port, path)

/** Opens, talks and is gone without a word, again and again: one time by a reset, the next by an end. */
class Vanisher implements Client {
  readonly #port: number
  readonly #tally: Tally
  #over: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(port: number, tally: Tally) {
    this.#port = port
    this.#tally = tally
  }

  start(): this {
    this.#over = this.#live()
    return this
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#over
  }

  async #live(): Promise<void> {
    const talk = { make: (number: number) => textOf(number, 300), least: 20, most: 200 }
    for (let isReset = true; !this.#stopped; isReset = !isReset) {
      const talker = await new Talker(this.#tally, talk).openOwn(this.#port, '/rough')
      await sleep(between(500, 3_000))
      talker.vanish(isReset ? 'reset' : 'end')
    }
  }
}

const SLOW_MESSAGE = clientMessage(Buffer.alloc(8_000, 'slow '), TEXT)
/** The same without a mask. */
const ECHO_LENGTH = SLOW_MESSAGE.length - 4

/** Asks for much at once, leaves it lying, and takes it later. It counts bytes: its messages are all alike. */
class SlowReader implements Client {
  readonly #socket: net.Socket
  readonly #tally: Tally
  #missing = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  static open(port: number, tally: Tally): Promise<SlowReader> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    socket.write(HANDSHAKE.replace('GET / ', 'GET /steady '))
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('data', () => resolve(new SlowReader(socket, tally)))
    })
  }

  constructor(socket: net.Socket, tally: Tally) {
    this.#socket = socket
    this.#tally = tally
    socket.on('data', (chunk: Buffer) => this.#hear(chunk.length))
    socket.on('close', () => {
      if (!this.#stopped) tally.lost++
    })
    this.#ask()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#socket.resume()
    const end = performance.now() + PATIENCE
    while (this.#missing > 0 && performance.now() < end) await sleep(20)
    this.#stopped = true
    this.#socket.end(clientMessage(Buffer.from([0x03, 0xe8]), 8))
    await new Promise((resolve) => this.#socket.once('close', resolve))
  }

  #ask(): void {
    this.#socket.pause()
    for (let left = 20; left > 0; left--) {
      this.#missing += ECHO_LENGTH
      this.#tally.sent++
      this.#socket.write(SLOW_MESSAGE)
    }
    this.#timer = setTimeout(() => this.#take(), between(1_000, 4_000))
  }

  #take(): void {
    this.#socket.resume()
    this.#timer = setTimeout(() => this.#ask(), between(2_000, 4_000))
  }

  /** Pings come in between: they are answered by nobody here, and any byte of ours counts as life. */
  #hear(bytes: number): void {
    const before = Math.ceil(this.#missing / ECHO_LENGTH)
    this.#missing = Math.max(0, this.#missing - bytes)
    this.#tally.echoed += before - Math.ceil(this.#missing / ECHO_LENGTH)
  }
}

const CHAT: Talk = { make: (number) => textOf(number, 120), least: 1_000, most: 5_000 }

/** Every kind of connection, and how many of a hundred are of it. */
export const kinds: Readonly<Record<string, { readonly share: number; readonly open: Behaviour }>> = {
  chat: { share: 40, open: talker('/steady', CHAT) },
  silent: { share: 25, open: talker('/steady', { ...CHAT, least: 1 << 30, most: 1 << 30 }) },
  compressed: {
    share: 10,
    open: talker('/steady', {
      make: rowsOf,
      least: 1_000,
      most: 4_000,
      options: { compress: { serverNoContextTakeover: false, clientNoContextTakeover: false } },
    }),
  },
  fragmented: {
    share: 10,
    open: talker('/steady', {
      make: (number) => textOf(number, 3_000),
      least: 1_000,
      most: 4_000,
      options: { fragmentSize: 100 },
    }),
  },
  vanishing: { share: 7, open: async (port, tally) => new Vanisher(port, tally).start() },
  slow: { share: 5, open: (port, tally) => SlowReader.open(port, tally) },
  flooding: {
    share: 3,
    open: talker('/steady', { make: (number) => `${number}`, burst: 500, least: 3_000, most: 6_000 }),
  },
}
