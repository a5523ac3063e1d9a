// Sends compressed messages and counts the answers, which are of any length: where the server refers to earlier
// messages, they get shorter.
import { constants, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib'
import { jsonOf, packedMessage, TEXT } from '../wire.js'
import { type CountedLoad, countNow, type LoadCount, type LoadOutcome } from './counted.js'
import { drop, type Link, openLinks, type Target } from './link.js'

/** The shape of a load of compressed messages. */
export interface PackedShape {
  readonly connections: number
  /** Bytes of a message before it is compressed. */
  readonly size: number
  readonly inFlight: number
  /** Stops after so many messages on each connection: then it only holds them. */
  readonly times?: number
}

export interface PackedJob {
  readonly shape: PackedShape
  readonly target: Target
  /** Whether the server keeps its context from one message to the next. */
  readonly takesOver: boolean
}

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** Inflates what comes on one connection, and compares. */
class Checker {
  readonly #expected: Buffer
  readonly #takesOver: boolean
  readonly #inflate: InflateRaw = createInflateRaw()
  readonly #made: Buffer[] = []
  checked = 0
  failure: Error | undefined

  constructor(expected: Buffer, takesOver: boolean) {
    this.#expected = expected
    this.#takesOver = takesOver
    this.#listen()
  }

  check(payload: Buffer, isPacked: boolean): void {
    if (!isPacked) return this.#compare(payload)
    const stream = Buffer.concat([payload, TAIL])
    if (!this.#takesOver)
      return this.#compare(inflateRawSync(stream, { finishFlush: constants.Z_SYNC_FLUSH }))
    this.#inflate.write(stream)
    this.#inflate.flush(constants.Z_SYNC_FLUSH, () => this.#compare(Buffer.concat(this.#made.splice(0))))
  }

  #compare(reply: Buffer): void {
    this.checked++
    if (!reply.equals(this.#expected)) this.failure ??= new Error('A reply is wrong')
  }

  #listen(): void {
    this.#inflate.on('data', (chunk: Buffer) => this.#made.push(chunk))
    this.#inflate.on('error', (error) => {
      this.failure ??= error
    })
  }
}

/** Finds where frames end. */
class Line {
  readonly #link: Link
  readonly #load: PackedLoad
  readonly #checker: Checker | undefined
  #pending: Buffer[] = []
  #head: Buffer = Buffer.alloc(0)
  /** Bytes of the frame at hand that are still to come. */
  #left = 0
  #isPacked = false
  #count = 0

  constructor(link: Link, load: PackedLoad, checker: Checker | undefined) {
    this.#link = link
    this.#load = load
    this.#checker = checker
    link.receive = (bytes, length) => this.#receive(bytes, length)
  }

  send(count: number): void {
    const { batch, messageSize, shape } = this.#load
    this.#count += count
    if (this.#count > (shape.times ?? Number.POSITIVE_INFINITY)) return
    this.#link.socket.write(batch.subarray(0, count * messageSize))
  }

  #receive(bytes: Buffer, length: number): void {
    let frames = 0
    for (let at = 0; at < length; ) {
      if (this.#left === 0) at = this.#readHead(bytes, at, length)
      const end = Math.min(length, at + this.#left)
      if (this.#checker !== undefined && end > at) this.#pending.push(Buffer.from(bytes.subarray(at, end)))
      const isPart = this.#left > 0
      this.#left -= end - at
      at = end
      if (!isPart || this.#left > 0) continue
      frames++
      this.#checker?.check(Buffer.concat(this.#pending.splice(0)), this.#isPacked)
    }
    if (frames === 0) return
    this.#load.messages += frames
    if (this.#load.isRunning) this.send(frames)
  }

  /** Reads a header, which may have come in pieces; gives where it ends. Messages are not empty. */
  #readHead(bytes: Buffer, from: number, length: number): number {
    const head = Buffer.concat([this.#head, bytes.subarray(from, Math.min(length, from + 10))])
    const short = head[1] ?? 0
    const size = head.length < 2 ? 10 : short < 126 ? 2 : short === 126 ? 4 : 10
    if (head.length < size) {
      this.#head = head
      return length
    }
    const known = this.#head.length
    this.#head = Buffer.alloc(0)
    this.#isPacked = (head[0]! & 0x40) !== 0
    this.#left = size === 2 ? short : size === 4 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2))
    return from + size - known
  }
}

/** A load that can be asked how far it has come. */
export class PackedLoad implements CountedLoad {
  readonly shape: PackedShape
  readonly batch: Buffer
  readonly messageSize: number
  readonly #checker: Checker
  #links: readonly Link[] = []
  #failure: Error | undefined
  messages = 0
  isRunning = true

  private constructor({ shape, takesOver }: PackedJob) {
    const payload = jsonOf(shape.size)
    const message = packedMessage(payload, TEXT)
    this.shape = shape
    this.messageSize = message.length
    this.batch = Buffer.concat(Array(shape.inFlight).fill(message))
    this.#checker = new Checker(payload, takesOver)
  }

  static async start(job: PackedJob): Promise<PackedLoad> {
    const load = new PackedLoad(job)
    const { connections, inFlight } = job.shape
    load.#links = await openLinks(connections, { ...job.target, packed: true })
    for (const [index, link] of load.#links.entries()) {
      link.onClose = (error) => load.#fail(error ?? new Error('The server hung up'))
      // One connection is looked at; its context is that of one connection.
      new Line(link, load, index === 0 ? load.#checker : undefined).send(inFlight)
    }
    return load
  }

  warm(): void {
    // There is nothing that had to be cleared.
  }

  count(): LoadCount {
    this.#throw()
    return countNow(this.messages, this.#checker.checked)
  }

  stop(): LoadOutcome {
    this.isRunning = false
    drop(this.#links)
    this.#throw()
    return { checked: this.#checker.checked }
  }

  #throw(): void {
    const failure = this.#failure ?? this.#checker.failure
    if (failure !== undefined) throw failure
  }

  #fail(error: Error): void {
    if (this.isRunning) this.#failure ??= error
  }
}
