import type { IncomingMessage } from 'node:http'
import {
  type Deflate,
  type Header,
  headerRules,
  type Message,
  negotiate,
  ReferencePeer,
  requestRules,
  type ServerParts,
} from './reference-server.js'

/** A server with one thing wrong, and the cases that must catch it. */
export interface Broken {
  readonly wrong: string
  readonly parts: Partial<ServerParts>
  /** Patterns as for `--cases`. */
  readonly fails: string
  /** Those that are not FAILED, and not OK either. */
  readonly nonStrict?: string
  /** Those that are INFORMATIONAL because of it. */
  readonly informational?: string
  /** Cases to play, where most of the others would fail for the same reason, or would take too long. */
  readonly only?: string
}

/** All rules but these. */
const without = <R>(rules: Readonly<Record<string, R>>, ...names: readonly string[]): Record<string, R> =>
  Object.fromEntries(Object.entries(rules).filter(([name]) => !names.includes(name)))

/** Takes frames that break these rules. */
const lacking = (...names: readonly string[]): Partial<ServerParts> => ({
  Peer: class extends ReferencePeer {
    override rules = without(headerRules, ...names)
  },
})

/** Takes requests that break these rules. */
const takingRequests = (...names: readonly string[]): Partial<ServerParts> => ({
  requestRules: without(requestRules, ...names),
})

const peer = (Peer: typeof ReferencePeer): Partial<ServerParts> => ({ Peer })

/** Sends something else than an echo. */
const sending = (wrong: string, send: (peer: ReferencePeer, data: Buffer) => void): Broken[] => [
  {
    wrong,
    parts: peer(
      class extends ReferencePeer {
        override echo(_isText: boolean, data: Buffer): void {
          send(this, data)
        }
      },
    ),
    only: '1.2.2,5.19',
    fails: '1.2.2,5.19',
  },
]

/** Answers right requests in another way. */
const answering = (wrong: string, change: (head: string) => string | undefined): Broken[] => [
  { wrong, parts: { change }, only: '1.1.1,H.1.1', fails: '1.1.1,H.1.1' },
]

/** Answers Close with a payload of its own. */
const closing = (wrong: string, payload: Buffer, verdict: 'FAILED' | 'NON-STRICT'): Broken[] => [
  {
    wrong,
    parts: peer(
      class extends ReferencePeer {
        override answerClose(): void {
          super.answerClose(payload)
        }
        override send(opcode: number, data: Buffer, rsv = 0): void {
          super.send(opcode, opcode === 8 ? payload : data, rsv)
        }
      },
    ),
    only: '1.1.1,7.1.1',
    fails: verdict === 'FAILED' ? '1.1.1,7.1.1' : '',
    nonStrict: verdict === 'FAILED' ? '' : '1.1.1,7.1.1',
  },
]

/** Takes the first offer of permessage-deflate whose parameters look like this. */
const negotiating = (param: RegExp): Partial<ServerParts> => ({
  negotiate: ({ headers }) => {
    const [offer = ''] = (headers['sec-websocket-extensions'] ?? '').split(',')
    const [name, ...params] = offer.split(';').map((part) => part.trim())
    const isOnce = new Set(params.map((one) => one.split('=')[0])).size === params.length
    if (name !== 'permessage-deflate' || !isOnce || !params.every((one) => param.test(one))) return undefined
    return { deflate: { takeover: true, bits: 15 }, header: name }
  },
})

/** A server that answers nobody any more after the first error of a socket. */
function goingDown(): Partial<ServerParts> {
  let isDown = false
  return peer(
    class extends ReferencePeer {
      override receive(chunk: Buffer): void {
        if (isDown) this.socket.destroy()
        else super.receive(chunk)
      }
      override broken(): void {
        isDown = true
        super.broken()
      }
    },
  )
}

const PINGS = '2.1,2.2,2.3,2.4,2.6,2.9,2.10,2.11,5.6,5.7,5.8,5.19,5.20,L.2.3,L.2.4,C.1.3'
const INVALID_TEXT =
  '6.3,6.4,6.6.1,6.6.3,6.6.4,6.6.6,6.6.8,6.6.10,6.8,6.10,6.11.5,6.12,6.13,6.14,6.15,6.16,6.17,6.18,6.19,6.20,6.21'
/** Cases whose subject is the answer to Close. */
const CLOSING = '7.1,7.3.1,7.3.3,7.3.4,7.3.5,7.7,C.1.1,C.1.2,C.1.3,C.1.4,C.1.5,C.1.6,C.1.7'

export const brokenServers: readonly Broken[] = [
  // Handshakes.
  { wrong: 'takes any method', parts: takingRequests('method'), fails: 'H.1.2' },
  { wrong: 'takes HTTP/1.0', parts: takingRequests('httpVersion'), fails: 'H.1.3' },
  { wrong: 'does not look at Host', parts: takingRequests('host'), fails: 'H.1.4', nonStrict: 'H.1.5' },
  { wrong: 'does not look at Upgrade', parts: takingRequests('upgrade'), fails: 'H.1.7,H.10.5,H.10.11' },
  {
    wrong: 'does not look at the key',
    parts: takingRequests('key'),
    fails: 'H.1.10,H.1.11,H.1.12,H.1.13,H.1.14,H.1.15,H.10.7,H.10.13',
  },
  {
    wrong: 'does not look at the version',
    parts: takingRequests('version'),
    fails: 'H.1.16,H.1.17,H.2,H.10.14',
  },
  {
    wrong: 'takes everything that begins like 13 as the version',
    parts: {
      requestRules: {
        ...requestRules,
        version: ({ headers }) =>
          Number.parseInt(headers['sec-websocket-version'] ?? '', 10) === 13 ? undefined : 426,
      },
    },
    fails: 'H.1.17,H.2.8,H.2.9,H.2.10,H.2.11',
  },
  {
    wrong: 'refuses a version without telling its own',
    parts: { refusal: () => ({}) },
    fails: 'H.2.1,H.2.2,H.2.3,H.2.4,H.2.5',
  },
  {
    wrong: 'compares Upgrade with its case',
    parts: {
      requestRules: {
        ...requestRules,
        upgrade: ({ headers }) => (headers.upgrade?.includes('websocket') ? undefined : 426),
      },
    },
    fails: 'H.3.1,H.10.11',
  },
  {
    wrong: 'wants Connection to be Upgrade and nothing else',
    parts: {
      requestRules: {
        ...requestRules,
        connection: ({ headers }) => (headers.connection?.toLowerCase() === 'upgrade' ? undefined : 400),
      },
    },
    fails: 'H.3.2,H.3.3',
    nonStrict: 'H.10.2',
  },
  {
    wrong: 'chooses the first subprotocol with all its neighbours',
    parts: {
      answer: ({ headers }: IncomingMessage) => {
        const asked = headers['sec-websocket-protocol']
        return asked === undefined || asked.trim() === ''
          ? ({} as Record<string, string>)
          : { 'Sec-WebSocket-Protocol': asked }
      },
    },
    fails: 'H.5.2,H.5.3,H.5.4,H.5.6,H.5.10',
  },
  {
    wrong: 'accepts every extension',
    parts: {
      answer: ({ headers }: IncomingMessage) =>
        headers['sec-websocket-extensions']?.startsWith('x-')
          ? { 'Sec-WebSocket-Extensions': headers['sec-websocket-extensions'] }
          : ({} as Record<string, string>),
    },
    fails: 'H.6.1,H.10.4',
  },
  {
    wrong: 'loses what comes right behind the request',
    parts: { behind: () => Buffer.alloc(0) },
    fails: 'H.3.12',
  },

  // Headers of frames.
  { wrong: 'takes frames without a mask', parts: lacking('mask'), fails: 'L.1.1,L.1.2,L.1.3' },
  { wrong: 'ignores reserved bits', parts: lacking('rsv'), fails: '3,C.3.1,C.3.2,C.3.3,C.3.5' },
  { wrong: 'ignores reserved opcodes of data frames', parts: lacking('dataOpcode'), fails: '4.1' },
  { wrong: 'ignores reserved opcodes of control frames', parts: lacking('controlOpcode'), fails: '4.2' },
  { wrong: 'takes control frames in fragments', parts: lacking('controlFin'), fails: '5.1' },
  { wrong: 'takes long control frames', parts: lacking('controlLength'), fails: '2.5,7.3.6,L.1.8' },
  {
    wrong: 'takes lengths that are not in their shortest form',
    parts: lacking('lengthForm'),
    fails: '',
    nonStrict: 'L.1.4,L.1.5,L.1.6',
  },
  {
    wrong: 'waits for frames of any length',
    parts: lacking('tooLarge'),
    fails: '',
    informational: 'L.1.9,L.1.10,L.1.11,L.1.12',
  },
  {
    wrong: 'does not look at the highest bit of a length',
    parts: peer(
      class extends ReferencePeer {
        override readLength(bytes: Buffer): number {
          return (bytes.readUInt32BE(2) & 0x7fffffff) * 0x1_0000_0000 + bytes.readUInt32BE(6)
        }
      },
    ),
    fails: 'L.1.7',
  },
  {
    wrong: 'ignores fragments of nothing',
    parts: lacking('continuation'),
    fails: '5.9,5.10,5.11,5.12,5.13,5.14,5.15,5.16,5.17',
  },
  { wrong: 'begins a message within another', parts: lacking('interleaved'), fails: '5.18' },
  {
    wrong: 'writes 65535 in 64 bits',
    parts: peer(
      class extends ReferencePeer {
        override encodeLength(length: number): number[] {
          return length === 65535 ? [127, 0, 0, 0, 0, 0, 0, 255, 255] : super.encodeLength(length)
        }
      },
    ),
    fails: '1.1.6,1.2.6',
  },
  {
    wrong: 'writes 126 as it is',
    parts: peer(
      class extends ReferencePeer {
        override encodeLength(length: number): number[] {
          return length === 126 ? [125] : super.encodeLength(length)
        }
      },
    ),
    fails: '1.1.3,1.2.3',
  },
  {
    wrong: 'sets FIN never when a message is empty',
    parts: peer(
      class extends ReferencePeer {
        override encode(first: number, payload: Buffer): Buffer {
          return super.encode(payload.length === 0 && (first & 15) < 8 ? first & 127 : first, payload)
        }
      },
    ),
    fails: '1.1.1,1.2.1,6.1.1,6.1.2,L.2.1',
  },
  {
    wrong: 'cuts messages at 65535 bytes',
    parts: peer(
      class extends ReferencePeer {
        override echo(isText: boolean, data: Buffer): void {
          super.echo(isText, data.subarray(0, 65535))
        }
      },
    ),
    fails: '1.1.7,1.1.8,1.2.7,1.2.8,10.1.1,C.3.3',
  },
  {
    wrong: 'changes the middle of large messages',
    parts: peer(
      class extends ReferencePeer {
        override echo(isText: boolean, data: Buffer): void {
          if (data.length > 100_000) data[data.length >> 1] = 42
          super.echo(isText, data)
        }
      },
    ),
    only: '9.1.1,9.1.2,9.2.2,9.3.9,1',
    fails: '9.1.2,9.2.2,9.3.9',
  },

  // Pings and pongs.
  {
    wrong: 'answers no ping',
    parts: peer(
      class extends ReferencePeer {
        override ping(): void {}
      },
    ),
    fails: PINGS.replace(',C.1.3', ''),
    nonStrict: 'C.1.3',
  },
  {
    wrong: 'answers every ping without its payload',
    parts: peer(
      class extends ReferencePeer {
        override ping(): void {
          super.ping(Buffer.alloc(0))
        }
      },
    ),
    fails: PINGS.replace('2.1,', ''),
  },
  {
    wrong: 'answers pongs',
    parts: peer(
      class extends ReferencePeer {
        override pong(payload: Buffer): void {
          this.send(10, payload)
        }
      },
    ),
    fails: '2.7,2.8,2.9,L.2.5',
  },

  // Text.
  {
    wrong: 'does not check UTF-8',
    parts: peer(
      class extends ReferencePeer {
        override seen = (): boolean => true
        override isText = (): boolean => true
      } as typeof ReferencePeer,
    ),
    fails: INVALID_TEXT,
  },
  {
    wrong: 'checks UTF-8 only when a message is whole',
    parts: peer(
      class extends ReferencePeer {
        override seen(): boolean {
          return true
        }
      },
    ),
    fails: '',
    nonStrict: '6.4',
  },
  {
    wrong: 'checks each fragment as a text of its own',
    parts: peer(
      class extends ReferencePeer {
        override frame(header: Header, payload: Buffer): void {
          const { message } = this
          if (header.opcode < 8 && message?.isText && !header.fin && !this.isText(payload)) this.fail(1007)
          else super.frame(header, payload)
        }
      },
    ),
    fails: '6.2.3,6.2.4',
  },
  {
    wrong: 'takes surrogates in text',
    parts: peer(
      class extends ReferencePeer {
        override seen(): boolean {
          return true
        }
        override isText(data: Buffer): boolean {
          return super.isText(
            Buffer.from(data.toString('latin1').replace(/\xed[\xa0-\xbf][\x80-\xbf]/g, ''), 'latin1'),
          )
        }
      },
    ),
    fails: '6.3,6.20,6.21',
    nonStrict: '6.4',
  },
  {
    wrong: 'replaces what is not UTF-8',
    parts: peer(
      class extends ReferencePeer {
        override seen(): boolean {
          return true
        }
        override isText(): boolean {
          return true
        }
        override echo(isText: boolean, data: Buffer): void {
          super.echo(isText, isText ? Buffer.from(data.toString('utf8')) : data)
        }
      },
    ),
    fails: INVALID_TEXT,
  },
  {
    wrong: 'refuses code points that are no characters',
    parts: peer(
      class extends ReferencePeer {
        override isText(data: Buffer): boolean {
          return super.isText(data) && !/[\ufffe\uffff]/.test(data.toString('utf8'))
        }
      },
    ),
    fails: '6.9.3,6.22.1,6.22.2,6.23.6,6.23.7',
  },

  // Fragments.
  {
    wrong: 'loses a message in fragments when a ping comes between them',
    parts: peer(
      class extends ReferencePeer {
        override ping(payload: Buffer): void {
          this.message?.parts.splice(0)
          super.ping(payload)
        }
      },
    ),
    fails: '5.6,5.7,5.8,5.19,5.20,L.2.3',
  },
  {
    wrong: 'mixes up the order of fragments',
    parts: peer(
      class extends ReferencePeer {
        override whole(message: Message): void {
          message.parts.reverse()
          super.whole(message)
        }
      },
    ),
    fails: '5.3,5.4,5.5,5.6,5.7,5.8,5.15,5.19,5.20,6.2.2,6.2.3,6.2.4',
  },

  // Closing.
  {
    wrong: 'takes a Close of 1 byte',
    parts: peer(
      class extends ReferencePeer {
        override closeFault(payload: Buffer): number | undefined {
          return payload.length === 1 ? undefined : super.closeFault(payload)
        }
        override answerClose(payload: Buffer): void {
          super.answerClose(payload.length === 1 ? Buffer.alloc(0) : payload)
        }
      },
    ),
    fails: '7.3.2',
  },
  {
    wrong: 'takes close codes that may not travel',
    parts: peer(
      class extends ReferencePeer {
        override closeFault(payload: Buffer): number | undefined {
          const isCode = payload.length > 1
          return isCode
            ? super.closeFault(Buffer.concat([Buffer.from([3, 232]), payload.subarray(2)]))
            : super.closeFault(payload)
        }
      },
    ),
    fails: '7.9',
  },
  {
    wrong: 'does not check reasons',
    parts: peer(
      class extends ReferencePeer {
        override closeFault(payload: Buffer): number | undefined {
          return super.closeFault(payload.subarray(0, 2))
        }
      },
    ),
    fails: '7.5.1,C.1.8',
  },
  {
    wrong: 'does not answer Close, but ends TCP',
    parts: peer(
      class extends ReferencePeer {
        override answerClose(): void {
          this.isClosing = true
          this.endTcp()
        }
      },
    ),
    fails: CLOSING,
    nonStrict: 'others',
  },
  {
    wrong: 'leaves TCP open after Close',
    parts: peer(
      class extends ReferencePeer {
        override endTcp(): void {}
      },
    ),
    only: '1.1,2,3.1,7.1,7.3,C.1',
    fails: '7.1,7.3.1,7.3.3,7.3.4,7.3.5,C.1.1,C.1.2,C.1.3,C.1.4,C.1.5,C.1.6',
    nonStrict: '1.1,2,3.1,7.3.2,7.3.6,C.1.8',
  },
  {
    wrong: 'echoes what comes behind Close',
    parts: peer(
      class extends ReferencePeer {
        override answerClose(payload: Buffer): void {
          this.send(8, payload.subarray(0, 2))
          setTimeout(() => this.endTcp(), 20)
        }
      },
    ),
    fails: '7.1.2,7.1.3,7.1.4,7.1.5,7.1.6,C.1.5',
  },
  {
    wrong: 'drops TCP without Close when something is wrong',
    parts: peer(
      class extends ReferencePeer {
        override sendFailure(): void {}
      },
    ),
    fails: '',
    nonStrict: 'others',
  },
  {
    wrong: 'says 1011 whatever is wrong',
    parts: peer(
      class extends ReferencePeer {
        override sendFailure(): void {
          super.sendFailure(1011)
        }
      },
    ),
    fails: '',
    nonStrict: 'others',
  },
  {
    wrong: 'does not notice the end of TCP',
    parts: peer(
      class extends ReferencePeer {
        override ended(): void {}
      },
    ),
    fails: 'C.2.1,C.2.2,C.2.3,C.2.4,C.2.5',
  },

  // Compression.
  {
    wrong: 'looks back further than the window that was agreed on',
    parts: peer(
      class extends ReferencePeer {
        override compress(data: Buffer, { takeover }: Deflate): Buffer {
          return super.compress(data, { takeover, bits: 15 })
        }
      },
    ),
    only: '13.1.1,13.3.7,13.4.7,13.5.7,13.6.7',
    fails: '13.3.7,13.5.7',
  },
  {
    wrong: 'goes on with a context that it promised not to take over',
    parts: peer(
      class extends ReferencePeer {
        override compress(data: Buffer, { bits }: Deflate): Buffer {
          return super.compress(data, { takeover: true, bits })
        }
      },
    ),
    only: '12.1.4,13.1.4,13.2.4,13.3.4,13.5.4,13.6.4,13.7.4',
    fails: '13.2.4,13.5.4,13.6.4,13.7.4',
  },
  {
    wrong: 'marks compressed messages with no bit',
    parts: peer(
      class extends ReferencePeer {
        override send(opcode: number, payload: Buffer): void {
          super.send(opcode, payload)
        }
      },
    ),
    only: '1.1.1,12.1.1,12.2.1,13.1.1',
    fails: '12.1.1,12.2.1,13.1.1',
  },
  {
    wrong: 'uses permessage-deflate that nobody asked for',
    parts: { answer: () => ({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }) },
    only: '1.1.1,2.1,7.1.1',
    fails: '1.1.1,2.1,7.1.1',
  },

  {
    wrong: 'takes permessage-deflate with any window',
    parts: negotiating(/^(?:server|client)_(?:no_context_takeover|max_window_bits(?:=\d+)?)$/),
    only: 'H.6',
    fails: 'H.6.2,H.6.3,H.6.5,H.6.6,H.6.7,H.6.8',
  },
  {
    wrong: 'takes permessage-deflate with parameters that do not exist',
    parts: negotiating(/^\w+$/),
    only: 'H.6',
    fails: 'H.6.5,H.6.13',
  },
  {
    wrong: 'answers with a larger window than it was asked for',
    parts: {
      negotiate: (request) => {
        const agreed = negotiate(request)
        return agreed && { ...agreed, header: agreed.header.replace('bits=9', 'bits=10') }
      },
    },
    only: '12.1.1,13.1.1,13.3.1,13.4.1,13.5.1',
    fails: '13.3.1,13.5.1',
  },
  {
    wrong: 'forgets that no context was to be taken over',
    parts: {
      negotiate: (request) => {
        const agreed = negotiate(request)
        return agreed && { ...agreed, header: agreed.header.replace('server_no_context_takeover', '') }
      },
    },
    only: '12.1.1,13.1.1,13.2.1,13.3.1',
    fails: '13.2.1',
  },

  // What became of one connection is felt by others.
  {
    wrong: 'goes down when TCP is reset',
    parts: goingDown(),
    only: 'C.2.6,C.2.7,C.2.8',
    fails: 'C.2.6,C.2.7,C.2.8',
  },

  // What it sends is wrong, whatever it is sent.
  ...sending('sets a reserved bit', (peer, data) => peer.send(2, data, 1)),
  ...sending('sends an opcode that does not exist', (peer, data) => peer.send(3, data)),
  ...sending('sends a control frame that does not exist', (peer) => peer.send(11, Buffer.alloc(0))),
  ...sending('sends a ping in fragments', (peer) => peer.write('0900')),
  ...sending('sends a ping of 126 bytes', (peer) => peer.send(9, Buffer.alloc(126))),
  ...sending('masks', (peer) => peer.write('818000000000')),
  ...sending('continues what was not begun', (peer, data) => peer.send(0, data)),
  ...sending('begins a message twice', (peer) => peer.write('01008100')),
  ...sending('sends text that is not UTF-8', (peer) => peer.send(1, Buffer.from([0xff]))),
  ...sending('sends Close of 1 byte', (peer) => peer.send(8, Buffer.from([3]))),
  ...sending('sends nothing at all', () => undefined),
  ...sending('answers with a text too many', (peer, data) => {
    peer.send(2, data)
    peer.send(1, Buffer.from('one more'))
  }),
  {
    wrong: 'pings whenever it likes, which is right',
    parts: peer(
      class extends ReferencePeer {
        override echo(isText: boolean, data: Buffer): void {
          this.send(9, Buffer.from('keepalive'))
          super.echo(isText, data)
          this.send(9, Buffer.alloc(0))
        }
      },
    ),
    only: '1,5,7,C.1',
    fails: '',
  },
  ...answering('says HTTP/1.0', (head) => head.replace('HTTP/1.1', 'HTTP/1.0')),
  ...answering('says no Upgrade', (head) => head.replace('Upgrade: websocket\r\n', '')),
  ...answering('says no Connection', (head) => head.replace('Connection: Upgrade\r\n', '')),
  ...answering('says another Sec-WebSocket-Accept', (head) => head.replace('Accept: ', 'Accept: A')),
  ...answering('chooses a subprotocol unasked', (head) =>
    head.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: a\r\n\r\n'),
  ),
  ...answering('chooses two subprotocols', (head) =>
    head.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n'),
  ),
  ...answering('sends a head without an end', (head) => head.trimEnd() + 'a'.repeat(2 << 20)),
  ...answering('says 200', () => 'HTTP/1.1 200 OK\r\n\r\n'),
  ...answering('drops who knocks', () => undefined),
  ...answering('uses an extension that nobody asked for', (head) =>
    head.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: foo\r\n\r\n'),
  ),
  {
    wrong: 'answers wrong requests with a page, as if they were right',
    parts: { refusal: () => ({ 'Sec-WebSocket-Version': '13' }), refusalStatus: 200 },
    only: 'H.1.1,H.1.10,H.1.11,H.2.1',
    fails: '',
    nonStrict: 'H.1.10,H.1.11,H.2.1',
  },
  {
    wrong: 'drops wrong requests without an answer',
    parts: { refusalStatus: undefined },
    only: 'H.1.1,H.1.10,H.2.1',
    fails: '',
    nonStrict: 'H.1.10,H.2.1',
  },
  ...closing('answers Close with a code that may not travel', Buffer.from([3, 237]), 'FAILED'),
  ...closing('answers Close with a reason that is not UTF-8', Buffer.from([3, 232, 255]), 'FAILED'),
  ...closing('answers Close with another code', Buffer.from([3, 243]), 'NON-STRICT'),
  {
    wrong: 'answers Close with an empty one, which is right',
    parts: peer(
      class extends ReferencePeer {
        override answerClose(): void {
          super.answerClose(Buffer.alloc(0))
        }
      },
    ),
    fails: '',
  },
  {
    wrong: 'fails the connection with an empty Close',
    parts: peer(
      class extends ReferencePeer {
        override sendFailure(): void {
          this.send(8, Buffer.alloc(0))
        }
      },
    ),
    // As an answer to our own Close it says that this one was right.
    fails: '3.7,7.3.2,7.3.6,7.5.1,7.9,C.1.8',
    nonStrict: 'others',
  },
  {
    wrong: 'sends a message behind its Close',
    parts: peer(
      class extends ReferencePeer {
        override answerClose(payload: Buffer): void {
          this.isClosing = true
          this.send(8, payload)
          this.send(1, Buffer.from('too late'))
          this.endTcp()
        }
      },
    ),
    only: '1.1.1,7.1.1,7.3.3',
    fails: '1.1.1,7.1.1,7.3.3',
  },
  {
    wrong: 'closes when it is asked for nothing',
    parts: peer(
      class extends ReferencePeer {
        override pong(): void {
          this.fail(1008)
        }
      },
    ),
    only: '2,L.2.5',
    fails: '2.7,2.8,2.9',
  },
  {
    wrong: 'takes 10 pings and no more',
    parts: peer(
      class extends ReferencePeer {
        #count = 0
        override ping(payload: Buffer): void {
          if (++this.#count > 10) this.fail(1008)
          else super.ping(payload)
        }
      },
    ),
    only: '2,L.2.4',
    fails: '',
    informational: 'L.2.4',
  },
  {
    wrong: 'drops TCP in the middle of what it should echo',
    parts: peer(
      class extends ReferencePeer {
        override echo(): void {
          this.socket.destroy()
        }
      },
    ),
    only: '1.1.2,3.2,5.15,9.7.1,C.3.3',
    fails: '1.1.2,9.7.1',
    nonStrict: '3.2,5.15,C.3.3',
  },
]
