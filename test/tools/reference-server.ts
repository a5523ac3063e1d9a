import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { isUtf8, mask, mayTravel, Utf8Validator } from '../../src/frame/index.js'

/** The header of a frame that came in. */
export interface Header {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly masked: boolean
  readonly length: number
  /** How many bits the length took. */
  readonly form: 7 | 16 | 64
}

/** What a rule finds wrong: the code to close with. */
type Rule = (header: Header, peer: ReferencePeer) => number | undefined

const isControl = ({ opcode }: Header): boolean => opcode >= 8
const shortest = (length: number): number => (length < 126 ? 7 : length < 65536 ? 16 : 64)

/** Every rule for headers, by name: a broken server lacks one of them. */
export const headerRules: Readonly<Record<string, Rule>> = {
  rsv: ({ rsv, opcode }, { deflate }) =>
    (rsv === 4 && deflate !== undefined && (opcode === 1 || opcode === 2)) || rsv === 0 ? undefined : 1002,
  dataOpcode: ({ opcode }) => (opcode > 2 && opcode < 8 ? 1002 : undefined),
  controlOpcode: ({ opcode }) => (opcode > 10 ? 1002 : undefined),
  mask: ({ masked }) => (masked ? undefined : 1002),
  controlFin: (header) => (isControl(header) && !header.fin ? 1002 : undefined),
  controlLength: (header) => (isControl(header) && header.length > 125 ? 1002 : undefined),
  lengthForm: ({ length, form }) => (form === shortest(length) ? undefined : 1002),
  continuation: ({ opcode }, { message }) => (opcode === 0 && message === undefined ? 1002 : undefined),
  interleaved: ({ opcode }, { message }) =>
    opcode > 0 && opcode < 8 && message !== undefined ? 1002 : undefined,
  tooLarge: ({ length }) => (length > 64 << 20 ? 1009 : undefined),
}

type RequestRule = (request: IncomingMessage) => number | undefined

const once = (request: IncomingMessage, name: string): boolean =>
  request.rawHeaders.filter((header, i) => i % 2 === 0 && header.toLowerCase() === name).length === 1
const tokens = (value: string | undefined): string[] =>
  (value ?? '').split(',').map((token) => token.trim().toLowerCase())

/** Every rule for handshakes, by name. */
export const requestRules: Readonly<Record<string, RequestRule>> = {
  // The HTTP parser of Node 20.19.0 (llhttp 8) lets spaces through (RFC 9112 §5.1), later ones refuse them.
  names: ({ rawHeaders }) =>
    rawHeaders.some((name, i) => i % 2 === 0 && name.includes(' ')) ? 400 : undefined,
  method: ({ method }) => (method === 'GET' ? undefined : 405),
  httpVersion: ({ httpVersion }) => (httpVersion === '1.1' ? undefined : 400),
  host: (request) => (once(request, 'host') ? undefined : 400),
  upgrade: ({ headers }) => (tokens(headers.upgrade).includes('websocket') ? undefined : 426),
  connection: ({ headers }) => (tokens(headers.connection).includes('upgrade') ? undefined : 400),
  key: (request) =>
    once(request, 'sec-websocket-key') && isKey(request.headers['sec-websocket-key'] ?? '') ? undefined : 400,
  version: (request) => (once(request, 'sec-websocket-version') && isVersion13(request) ? undefined : 426),
}

const isVersion13 = ({ headers }: IncomingMessage): boolean => headers['sec-websocket-version'] === '13'
const isKey = (key: string): boolean => {
  const bytes = Buffer.from(key, 'base64')
  return bytes.length === 16 && bytes.toString('base64') === key
}

/** permessage-deflate as a client asked for it. */
export interface Deflate {
  readonly takeover: boolean
  readonly bits: number
}

const TAIL = Buffer.from([0, 0, 255, 255])

/** A message under way. */
export interface Message {
  readonly isText: boolean
  readonly compressed: boolean
  readonly parts: Buffer[]
  readonly text: Utf8Validator
}

/** One connection of an echo server that is right in every point. A broken one overrides one of these methods. */
export class ReferencePeer {
  rules: Readonly<Record<string, Rule>> = headerRules
  readonly socket: Socket
  readonly deflate: Deflate | undefined
  message: Message | undefined
  isClosing = false
  #bytes: Buffer = Buffer.alloc(0)
  #header: Header | undefined
  #key = 0
  #payload: Buffer[] = []
  #got = 0
  #sentBefore: Buffer = Buffer.alloc(0)
  #receivedBefore: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, deflate: Deflate | undefined) {
    this.socket = socket
    this.deflate = deflate
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('end', () => this.ended())
    socket.on('error', () => this.broken())
  }

  receive(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    while (!this.isClosing && this.#step()) {
      // One header, or one piece of payload.
    }
  }

  /** The other side ended its direction. */
  ended(): void {
    this.socket.end()
  }
  broken(): void {
    this.socket.destroy()
  }

  #step(): boolean {
    return this.#header === undefined ? this.#readHeader() : this.#readPayload(this.#header)
  }

  #readHeader(): boolean {
    const bytes = this.#bytes
    if (bytes.length < 2) return false
    const [first = 0, second = 0] = bytes
    const short = second & 0x7f
    const form = short < 126 ? 7 : short === 126 ? 16 : 64
    const masked = second >= 128
    const size = 2 + (form === 7 ? 0 : form / 8) + (masked ? 4 : 0)
    if (bytes.length < size) return false
    const length = form === 7 ? short : form === 16 ? bytes.readUInt16BE(2) : this.readLength(bytes)
    this.#bytes = bytes.subarray(size)
    this.#key = masked ? bytes.readUInt32BE(size - 4) : 0
    this.#payload = []
    this.#got = 0
    const header: Header = {
      fin: first >= 128,
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      masked,
      length,
      form,
    }
    this.#header = header
    if (length < 0) return this.fail(1002)
    for (const rule of Object.values(this.rules)) {
      const code = rule(header, this)
      if (code !== undefined) return this.fail(code)
    }
    this.began(header)
    return true
  }

  readLength(bytes: Buffer): number {
    const high = bytes.readUInt32BE(2)
    return high >= 0x8000_0000 ? -1 : high * 0x1_0000_0000 + bytes.readUInt32BE(6)
  }

  began({ opcode, rsv }: Header): void {
    if (opcode !== 1 && opcode !== 2) return
    const compressed = rsv === 4 && this.deflate !== undefined
    this.message = { isText: opcode === 1, compressed, parts: [], text: new Utf8Validator() }
  }

  #readPayload(header: Header): boolean {
    const missing = header.length - this.#got
    if (missing > 0 && this.#bytes.length === 0) return false
    const piece = Buffer.from(this.#bytes.subarray(0, missing))
    this.#bytes = this.#bytes.subarray(piece.length)
    if (header.masked) mask(piece, 0, piece.length, this.#key, this.#got & 3)
    this.#got += piece.length
    this.#payload.push(piece)
    if (!isControl(header) && !this.seen(piece)) return this.fail(1007)
    if (this.#got < header.length) return false
    this.#header = undefined
    this.frame(header, Buffer.concat(this.#payload))
    return true
  }

  /** Looks at a piece of a message as it comes; false when it is no UTF-8. */
  seen(piece: Buffer): boolean {
    const { message } = this
    return message === undefined || !message.isText || message.compressed || message.text.append(piece)
  }

  frame(header: Header, payload: Buffer): void {
    if (header.opcode === 8) return this.close(payload)
    if (header.opcode === 9) return this.ping(payload)
    if (header.opcode === 10) return this.pong(payload)
    if (isControl(header) || this.message === undefined) return
    this.message.parts.push(payload)
    if (header.fin) this.whole(this.message)
  }

  whole(message: Message): void {
    this.message = undefined
    const payload = Buffer.concat(message.parts)
    const data = message.compressed ? this.#inflate(payload) : payload
    if (message.isText && !this.isText(data)) this.fail(1007)
    else this.echo(message.isText, data)
  }

  isText(data: Buffer): boolean {
    return isUtf8(data)
  }

  echo(isText: boolean, data: Buffer): void {
    const opcode = isText ? 1 : 2
    if (this.deflate === undefined) this.send(opcode, data)
    else this.send(opcode, this.compress(data, this.deflate), 4)
  }

  compress(data: Buffer, { takeover, bits }: Deflate): Buffer {
    const dictionary = this.#sentBefore
    const out = deflateRawSync(data, {
      windowBits: bits,
      level: 1,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 && { dictionary }),
    })
    if (takeover) this.#sentBefore = Buffer.concat([this.#sentBefore, data]).subarray(-(1 << bits))
    return out.subarray(0, out.length - 4)
  }

  #inflate(payload: Buffer): Buffer {
    const dictionary = this.#receivedBefore
    const data = inflateRawSync(Buffer.concat([payload, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 && { dictionary }),
    })
    this.#receivedBefore = Buffer.concat([this.#receivedBefore, data]).subarray(-32768)
    return data
  }

  ping(payload: Buffer): void {
    this.send(10, payload)
  }

  pong(_payload: Buffer): void {}

  close(payload: Buffer): void {
    const code = this.closeFault(payload)
    if (code !== undefined) this.fail(code)
    else this.answerClose(payload)
  }

  closeFault(payload: Buffer): number | undefined {
    if (payload.length === 1) return 1002
    if (payload.length > 1 && !mayTravel(payload.readUInt16BE(0))) return 1002
    return payload.length > 2 && !isUtf8(payload, 2) ? 1007 : undefined
  }

  answerClose(payload: Buffer): void {
    this.isClosing = true
    this.send(8, payload.subarray(0, 2))
    this.endTcp()
  }

  /** Gives up the connection; false, so that nothing more is read. */
  fail(code: number): false {
    this.isClosing = true
    this.sendFailure(code)
    this.endTcp()
    return false
  }

  sendFailure(code: number): void {
    this.send(8, Buffer.from([code >> 8, code & 255]))
  }

  endTcp(): void {
    this.socket.end()
  }

  send(opcode: number, payload: Buffer, rsv = 0): void {
    if (this.socket.writable) this.socket.write(this.encode(128 | (rsv << 4) | opcode, payload))
  }

  /** Writes bytes as they are. */
  write(hex: string): void {
    if (this.socket.writable) this.socket.write(Buffer.from(hex, 'hex'))
  }

  encode(first: number, payload: Buffer): Buffer {
    const { length } = payload
    return Buffer.concat([Buffer.from([first, ...this.encodeLength(length)]), payload])
  }

  encodeLength(length: number): number[] {
    if (length < 126) return [length]
    if (length < 65536) return [126, length >> 8, length & 255]
    return [127, 0, 0, 0, 0, (length >>> 24) & 255, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]
  }
}

/** How a server is made: a broken one replaces one of these. */
export interface ServerParts {
  readonly Peer: typeof ReferencePeer
  readonly requestRules: typeof requestRules
  /** More lines for the answer, and other ones. */
  readonly answer: (request: IncomingMessage) => Readonly<Record<string, string>>
  /** Changes the head of the answer to a right request; undefined drops the connection. */
  readonly change: (head: string) => string | undefined
  /** The status of every refusal; undefined drops the connection. */
  readonly refusalStatus: number | undefined | 'as it should be'
  readonly refusal: (status: number) => Readonly<Record<string, string>>
  readonly negotiate: (
    request: IncomingMessage,
  ) => { readonly deflate: Deflate; readonly header: string } | undefined
  /** Bytes that came right behind the request. */
  readonly behind: (head: Buffer) => Buffer
}

const accept = ({ headers }: IncomingMessage): string =>
  createHash('sha1')
    .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')

export const soundParts: ServerParts = {
  Peer: ReferencePeer,
  requestRules,
  answer: () => ({}),
  change: (head) => head,
  refusalStatus: 'as it should be',
  refusal: (status) => (status === 426 ? { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } : {}),
  negotiate,
  behind: (head) => head,
}

const DEFLATE_PARAMS =
  /^(?:(?:server|client)_no_context_takeover|server_max_window_bits=(?:[89]|1[0-5])|client_max_window_bits(?:=(?:[89]|1[0-5]))?)$/

/** Takes the first offer of permessage-deflate that is valid. */
export function negotiate({ headers }: IncomingMessage): ReturnType<ServerParts['negotiate']> {
  for (const offer of (headers['sec-websocket-extensions'] ?? '').split(',')) {
    const [name, ...params] = offer.split(';').map((part) => part.trim())
    const names = params.map((param) => param.split('=')[0])
    const valid = params.every((param) => DEFLATE_PARAMS.test(param)) && new Set(names).size === names.length
    if (name !== 'permessage-deflate' || !valid) continue
    const asked = params.filter((param) => param.startsWith('server_'))
    const bits = Number(asked.find((param) => param.includes('bits'))?.split('=')[1] ?? 15)
    const deflate = { takeover: !asked.includes('server_no_context_takeover'), bits: Math.max(9, bits) }
    return { deflate, header: [name, ...asked].join('; ') }
  }
  return undefined
}

/** An echo server; `parts` says what is wrong with it. */
export function referenceServer(parts: Partial<ServerParts> = {}): Server {
  const all: ServerParts = { ...soundParts, ...parts }
  const server = createServer({ requireHostHeader: false }, (_request, response) => {
    response
      .writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' })
      .end()
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const status = Object.values(all.requestRules)
      .map((rule) => rule(request))
      .find((one) => one !== undefined)
    if (status !== undefined) return refuse(socket, status, all)
    const agreed = all.negotiate(request)
    const head101 = all.change(
      headOf('HTTP/1.1 101 Switching Protocols', {
        Upgrade: 'websocket',
        Connection: 'Upgrade',
        'Sec-WebSocket-Accept': accept(request),
        ...(agreed && { 'Sec-WebSocket-Extensions': agreed.header }),
        ...all.answer(request),
      }),
    )
    if (head101 === undefined) return socket.end()
    socket.write(head101, 'latin1')
    socket.setNoDelay()
    new all.Peer(socket, agreed?.deflate).receive(all.behind(head))
  })
  return server
}

function refuse(socket: Socket, status: number, { refusal, refusalStatus }: ServerParts): void {
  const shown = refusalStatus === 'as it should be' ? status : refusalStatus
  if (shown !== undefined)
    socket.write(headOf(`HTTP/1.1 ${shown} No`, { Connection: 'close', ...refusal(status) }), 'latin1')
  socket.end()
}

const headOf = (line: string, headers: Readonly<Record<string, string>>): string =>
  `${[line, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
