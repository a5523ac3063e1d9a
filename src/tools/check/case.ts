import { encodeClosePayload, Opcode, type Role } from '../../frame/index.js'
import type { DeflateOffer } from './deflate.js'
import type { Opening } from './opening.js'
import type { Behavior } from './verdict.js'

/** A frame to be sent, valid or not. What is left out is as it should be. */
export interface FrameSpec {
  readonly opcode: number
  readonly payload?: string | Uint8Array
  /** Default true. */
  readonly fin?: boolean
  /** The reserved bits as a number from 0 to 7. */
  readonly rsv?: number
  /** Masked where it must not be, or not masked where it must be. */
  readonly wrongMask?: boolean
  /** The length the header claims, and the form it takes. */
  readonly length?: number
  readonly lengthSize?: 7 | 16 | 64
  /** Bytes that go out as they are, instead of all this. */
  readonly bytes?: Uint8Array
}

/** What must come from the peer. */
export interface Expected {
  readonly kind: 'text' | 'binary' | 'ping' | 'pong'
  readonly data: Buffer
}

/** How the peer may refuse what was sent to it instead of doing as expected, and what that is worth. */
export interface Refusal {
  /** Close codes that say so properly. */
  readonly codes: readonly number[]
  readonly verdict: Behavior
}

/** One thing to do or to wait for; `play.ts` does it, `describe.ts` tells it. */
export type Step =
  /** Sends frames: in one piece, one by one, or in pieces of so many bytes. */
  | { readonly do: 'send'; readonly frames: readonly FrameSpec[]; readonly pieces: Pieces }
  /** Waits for these and nothing else. */
  | { readonly do: 'read'; readonly events: readonly Expected[]; readonly refusal?: Refusal }
  /** So far all is right: nothing comes. Shown by the answer to a ping, or, inside a frame, by a short silence. */
  | { readonly do: 'quiet'; readonly insideFrame: boolean }
  /** The peer should fail the connection now; if it does not, the case goes on as NON-STRICT. */
  | { readonly do: 'failsNow'; readonly codes: readonly number[]; readonly insideFrame: boolean }
  /** The peer must fail the connection. `ifOpen` is what it comes to when it lives on. */
  | {
      readonly do: 'fails'
      readonly codes: readonly number[]
      readonly ifOpen: Behavior
      readonly insideFrame: boolean
      /** What it does when it takes what is wrong as if it was right; that comes to `ifOpen` too. */
      readonly instead?: Expected
    }
  /** The peer answers the Close that was sent with one of these codes, and TCP is closed by the server. */
  | {
      readonly do: 'closed'
      readonly codes: readonly number[]
      /** What it comes to when there is no answer: FAILED where closing is what the case is about. */
      readonly ifNot: Behavior
      /** Messages and pongs before the answer are all right. */
      readonly after?: 'anything'
    }
  /** Sends messages and reads their echoes, so many bytes ahead at most. */
  | { readonly do: 'echo'; readonly count: number; readonly message: Source; readonly ahead: number }
  /** A small program, where none of these fits. */
  | { readonly do: 'act'; readonly what: string; readonly act: (play: Actor) => Promise<void> }

/** How bytes are cut on their way: all at once, frame by frame, or so many bytes at a time. */
export type Pieces = 'whole' | 'frames' | number

/** Where the messages of an `echo` come from, by their number. */
export interface Source {
  /** Sources of one name hold the same messages: what was worked out for one is used for the others. */
  readonly name: string
  readonly isText: boolean
  /** Frames of a message carry so many bytes at most; 0 for one frame each. */
  readonly fragment: number
  /** How many different messages there are: number `period` is number 0 again. */
  readonly period: number
  readonly at: (index: number) => Buffer
}

/** Something that came, in the simplest form. */
export interface CollectedEvent {
  readonly kind: string
  readonly data: Buffer
}

/** What an `act` step can do, besides what other steps do. */
export interface Actor {
  readonly role: Role
  send(frames: readonly FrameSpec[], pieces?: Pieces): Promise<void>
  /** Sends the rest of a frame of which the beginning was sent. */
  rest(payload: Uint8Array): Promise<void>
  play(steps: readonly Step[]): Promise<void>
  /** Takes what comes, up to something, or up to the end of the connection; gives all of it. */
  collect(isLast: (event: CollectedEvent) => boolean): Promise<readonly CollectedEvent[]>
  /** The connection is over: nothing else is played. */
  over(verdict: Behavior, why: string): void
  /** The masking keys of the frames that came. */
  readonly maskKeys: readonly number[]
  /** Ends our direction of TCP. */
  fin(): void
  /** Drops the connection with a reset. */
  reset(): void
  /** Takes no bytes from the socket, or takes them again. */
  pause(): void
  resume(): void
  /** Waits until TCP is ended by the peer; gives what came before. */
  ended(): Promise<{ readonly how: string; readonly events: readonly string[] }>
  /** Waits while nothing happens. */
  silence(milliseconds: number): Promise<void>
  /** Opens another connection and echoes a message there; says nothing when we cannot open any. */
  another(): Promise<void>
  lower(to: Behavior, why: string): void
  remark(text: string): void
  fail(why: string): never
}

export interface Case {
  /** As in `1.1.1`. */
  readonly id: string
  readonly description: string
  /** Whose behaviour is tested; left out for both. */
  readonly tests?: Role
  /** How the connection is opened, where that is not the usual way. */
  readonly opening?: Opening
  /** permessage-deflate as we ask for it. */
  readonly deflate?: DeflateOffer
  /** As a function where they hold many bytes: these are made when the case is played. */
  readonly steps: readonly Step[] | (() => readonly Step[])
  /** The RFC leaves the outcome open: what would be OK is INFORMATIONAL. */
  readonly informational?: boolean
  /** Moves many bytes: few of them are played at a time, and with more patience. */
  readonly heavy?: boolean
}

export interface Group {
  /** As in `6.1`, or `2` where a group has no parts. */
  readonly id: string
  readonly title: string
  readonly cases: readonly Case[]
}

// Frames.

type More = Omit<FrameSpec, 'opcode' | 'payload'>
type Payload = string | Uint8Array

export const text = (payload: Payload = '', more?: More): FrameSpec => ({
  opcode: Opcode.Text,
  payload,
  ...more,
})
export const binary = (payload: Payload = '', more?: More): FrameSpec => ({
  opcode: Opcode.Binary,
  payload,
  ...more,
})
export const ping = (payload: Payload = '', more?: More): FrameSpec => ({
  opcode: Opcode.Ping,
  payload,
  ...more,
})
export const pong = (payload: Payload = '', more?: More): FrameSpec => ({
  opcode: Opcode.Pong,
  payload,
  ...more,
})
/** The first frame of a text in fragments. */
export const begin = (payload: Payload): FrameSpec => text(payload, { fin: false })
/** A fragment in the middle. */
export const more = (payload: Payload): FrameSpec => ({ opcode: Opcode.Continuation, payload, fin: false })
/** The last fragment. */
export const last = (payload: Payload): FrameSpec => ({ opcode: Opcode.Continuation, payload })
/** A Close frame with exactly this payload. */
export const closeWith = (payload: Payload): FrameSpec => ({ opcode: Opcode.Close, payload })
export const close = (code = 1000, reason = ''): FrameSpec => closeWith(encodeClosePayload(code, reason))
/** The payload of a frame as bytes; no copy is made of what are bytes already. */
export const asBuffer = (payload: Payload): Buffer =>
  Buffer.isBuffer(payload) ? payload : Buffer.from(payload)

/** Bytes as they are. */
export const bytes = (hex: string): FrameSpec => ({ opcode: 0, bytes: Buffer.from(hex, 'hex') })

/** A message in frames of so many bytes. */
export function fragments(message: FrameSpec, size: number): FrameSpec[] {
  const payload = asBuffer(message.payload ?? '')
  const count = Math.max(1, Math.ceil(payload.length / size))
  return Array.from({ length: count }, (_, i) => ({
    ...message,
    opcode: i === 0 ? message.opcode : Opcode.Continuation,
    payload: payload.subarray(i * size, (i + 1) * size),
    fin: i === count - 1,
  }))
}

// Steps.

export const send = (frames: FrameSpec | readonly FrameSpec[], pieces: Pieces = 'whole'): Step => ({
  do: 'send',
  frames: Array.isArray(frames) ? frames : [frames as FrameSpec],
  pieces,
})

/** The echo of a message, or the answer to a ping. */
export function answerTo({ opcode, payload = '' }: FrameSpec): Expected {
  const kinds: Readonly<Record<number, Expected['kind']>> = { 1: 'text', 2: 'binary', 9: 'pong' }
  return { kind: kinds[opcode] ?? 'binary', data: asBuffer(payload) }
}

/** Waits for what answers these frames. */
export const read = (frames: FrameSpec | readonly FrameSpec[], refusal?: Refusal): Step => ({
  do: 'read',
  events: (Array.isArray(frames) ? frames : [frames as FrameSpec]).map(answerTo),
  ...(refusal && { refusal }),
})

export const quiet = (insideFrame = false): Step => ({ do: 'quiet', insideFrame })
export const failsNow = (codes: readonly number[], insideFrame = false): Step => ({
  do: 'failsNow',
  codes,
  insideFrame,
})

interface FailsOptions {
  readonly ifOpen?: Behavior
  readonly insideFrame?: boolean
  readonly instead?: Expected
}

/** The peer must fail the connection. */
export const fails = (
  codes: readonly number[],
  { ifOpen = 'FAILED', insideFrame = false, instead }: FailsOptions = {},
): Step => ({ do: 'fails', codes, ifOpen, insideFrame, ...(instead && { instead }) })

/** Closes the connection after a case that is about something else. */
export const shut: readonly Step[] = [send(close()), { do: 'closed', codes: [1000], ifNot: 'NON-STRICT' }]
/** The answer to a Close frame in a case that is about closing. */
export const closed = (codes: readonly number[], after?: 'anything'): Step => ({
  do: 'closed',
  codes,
  ifNot: 'FAILED',
  ...(after && { after }),
})

export const act = (what: string, run: (play: Actor) => Promise<void>): Step => ({
  do: 'act',
  what,
  act: run,
})

/** Sends a message, reads its echo, and closes. */
export const echoed = (message: FrameSpec, pieces?: Pieces): readonly Step[] => [
  send(message, pieces),
  read(message),
  ...shut,
]

// Groups.

/** Gives cases their numbers: `6.1` makes them `6.1.1`, `6.1.2` and so on. */
export const group = (id: string, title: string, cases: readonly Omit<Case, 'id'>[]): Group => ({
  id,
  title,
  cases: cases.map((one, i) => ({ ...one, id: `${id}.${i + 1}` })),
})
