import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { encodeFrame, Frame, FrameDecoder, releaseFrame } from '../../src/frame/index.js'

/** What a client does with the answer to its handshake: nothing when it is right. */
type AnswerRule = (line: string, headers: ReadonlyMap<string, readonly string[]>, key: string) => boolean

const accept = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const has = (headers: ReadonlyMap<string, readonly string[]>, name: string, token: string): boolean =>
  (headers.get(name) ?? []).some((value) => value.toLowerCase().split(/, */).includes(token))

/** Every rule for answers, by name: a broken client lacks one. */
export const answerRules: Readonly<Record<string, AnswerRule>> = {
  version: (line) => line.startsWith('HTTP/1.1 '),
  status: (line) => line.split(' ')[1] === '101',
  upgrade: (_, headers) => has(headers, 'upgrade', 'websocket'),
  connection: (_, headers) => has(headers, 'connection', 'upgrade'),
  accept: (_, headers, key) => headers.get('sec-websocket-accept')?.join() === accept(key),
  protocol: (_, headers) => !headers.has('sec-websocket-protocol'),
  extensions: (_, headers) => !headers.has('sec-websocket-extensions'),
}

/** An echo client that is right in what the handshake and masks are about; a broken one replaces a part. */
export interface ClientParts {
  readonly rules: typeof answerRules
  readonly key: () => string
  readonly maskKey: () => number
  readonly masked: boolean
  readonly headers: (usual: readonly string[]) => readonly string[]
}

const sound: ClientParts = {
  rules: answerRules,
  key: () => randomBytes(16).toString('base64'),
  maskKey: () => randomBytes(4).readUInt32BE(),
  masked: true,
  headers: (usual) => usual,
}

/** Echoes at an address until that is over; resolves with the last short text. */
export async function referenceClient(
  url: string,
  parts: Partial<ClientParts> = {},
): Promise<string | undefined> {
  const all = { ...sound, ...parts }
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  socket.on('error', () => socket.destroy())
  const key = all.key()
  const headers = all.headers([
    `Host: ${hostname}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ])
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  const done = once(socket, 'close')
  const last = echo(socket, key, all)
  await done
  return last()
}

function echo(socket: Socket, key: string, parts: ClientParts): () => string | undefined {
  const decoder = new FrameDecoder({ maxFrame: 1 << 24 })
  let head = ''
  let isOpen = false
  let last: string | undefined
  const send = (opcode: number, payload: Buffer): void => {
    const frame = new Frame({
      opcode,
      masked: parts.masked,
      maskKey: parts.masked ? parts.maskKey() : 0,
      payload,
    })
    if (socket.writable) socket.write(encodeFrame(frame))
  }
  const receive = (chunk: Buffer): void => {
    decoder.append(chunk)
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) {
      if (frame.isText && frame.length < 100) last = frame.text()
      if (frame.isPing) send(10, frame.copyPayload())
      else send(frame.opcode, frame.copyPayload())
      if (frame.isClose) socket.end()
      releaseFrame(frame)
    }
  }
  socket.on('data', (chunk: Buffer) => {
    if (isOpen) return receive(chunk)
    head += chunk.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    isOpen = isRight(head.slice(0, end), key, parts)
    if (isOpen) receive(Buffer.from(head.slice(end + 4), 'latin1'))
    else socket.destroy()
  })
  return () => last
}

function isRight(head: string, key: string, { rules }: ClientParts): boolean {
  const [line = '', ...fields] = head.split('\r\n')
  const headers = new Map<string, string[]>()
  for (const field of fields) {
    const colon = field.indexOf(':')
    if (colon < 1) return false
    const name = field.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), field.slice(colon + 1).trim()])
  }
  return Object.values(rules).every((rule) => rule(line, headers, key))
}
