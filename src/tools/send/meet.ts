/** Whether what came is what was expected. */
import { type Frame, isUtf8 } from '../../frame/index.js'
import { annotateLine } from '../annotate.js'
import type { Whole } from '../recording/events.js'
import type { Peer, PeerEvent } from './peer.js'
import type { Expectation, FrameExpectation } from './script.js'

/** What came of an expectation; `why` tells what was wrong. */
export type Met = { readonly ok: true } | { readonly ok: false; readonly why: string }

const MET: Met = { ok: true }
const unmet = (why: string): Met => ({ ok: false, why })

/** Waits for what has to come. */
export async function meet(peer: Peer, expected: Expectation, milliseconds: number): Promise<Met> {
  switch (expected.what) {
    case 'nothing':
      return meetNothing(peer, expected.milliseconds)
    case 'end':
      return meetEnd(peer, milliseconds)
    case 'message':
      return meetMessage(peer, expected, milliseconds)
    case 'frame':
      return meetFrame(peer, expected, milliseconds)
  }
}

async function meetNothing(peer: Peer, milliseconds: number): Promise<Met> {
  const event = await peer.next(milliseconds)
  if (event === undefined) return MET
  peer.putBack(event)
  return unmet(inWords(event))
}

/** Whatever comes before the end, comes. */
async function meetEnd(peer: Peer, milliseconds: number): Promise<Met> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    const event = await peer.next(deadline - performance.now())
    if (event === undefined) return unmet(`TCP was still open after ${milliseconds} ms`)
    if (event.kind === 'end') return MET
  }
}

async function meetFrame(peer: Peer, expected: FrameExpectation, milliseconds: number): Promise<Met> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    const event = await peer.next(deadline - performance.now())
    if (event === undefined) return unmet(`nothing came for ${milliseconds} ms`)
    if (event.kind === 'end') return unmet(inWords(event))
    const why = differenceOf(event.frame, expected)
    if (why === undefined) return MET
    if (!isPassedOver(event.frame, expected)) return unmet(`${inWords(event)}: ${why}`)
  }
}

/** A peer may ping whenever it likes; and before it closes, it may finish what it was at. */
function isPassedOver(frame: Frame, { opcode }: FrameExpectation): boolean {
  return frame.isPing || (opcode === 8 && !frame.isClose)
}

const named = (is: boolean): string => (is ? 'is set' : 'is not set')

/** The first difference; undefined when the frame is as expected. */
function differenceOf(frame: Frame, expected: FrameExpectation): string | undefined {
  const { opcode, fin, rsv, masked, length } = expected
  if (opcode !== undefined && frame.opcode !== opcode) return 'another opcode'
  if (fin !== undefined && frame.fin !== fin) return `FIN ${named(frame.fin)}`
  if (rsv !== undefined && ((rsvOf(frame) ^ rsv.bits) & rsv.mask) !== 0) return `RSV is ${rsvOf(frame)}`
  if (masked !== undefined && frame.masked !== masked) return `the mask ${named(frame.masked)}`
  if (length !== undefined && frame.length !== length) return `${frame.length} bytes, not ${length}`
  return payloadDifference(frame, expected)
}

const rsvOf = (frame: Frame): number => Number(frame.rsv1) * 4 + Number(frame.rsv2) * 2 + Number(frame.rsv3)

function payloadDifference({ payload }: Frame, { codes, reason, payload: expected }: FrameExpectation) {
  if (expected !== undefined && !payload.equals(expected)) return bytesDiffer(payload, expected)
  if (codes === undefined) return undefined
  const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
  if (!codes.includes(code)) return `the code is ${code}, not ${codes.join(' or ')}`
  if (reason !== undefined && !payload.subarray(2).equals(reason)) return 'another reason'
  return undefined
}

function bytesDiffer(came: Buffer, expected: Buffer): string {
  if (came.length !== expected.length) return `${came.length} bytes, not ${expected.length}`
  return `byte ${came.findIndex((byte, i) => byte !== expected[i])} is the first that differs`
}

/** Waits until a message is whole, whatever number of frames it comes in. */
async function meetMessage(
  peer: Peer,
  expected: { readonly isText?: boolean | undefined; readonly data?: Buffer | undefined },
  milliseconds: number,
): Promise<Met> {
  const deadline = performance.now() + milliseconds
  for (;;) {
    const event = await peer.next(deadline - performance.now())
    if (event === undefined) return unmet(`no message came for ${milliseconds} ms`)
    if (event.kind === 'end' || event.frame.isClose) return unmet(inWords(event))
    if (event.message !== undefined) return judge(event.message, expected)
  }
}

function judge(
  { isText, data: message }: Whole,
  expected: { readonly isText?: boolean | undefined; readonly data?: Buffer | undefined },
): Met {
  if (expected.isText !== undefined && isText !== expected.isText)
    return unmet(`a ${isText ? 'text' : 'binary'} message of ${message.length} bytes came`)
  if (isText && !isUtf8(message)) return unmet('a text came that is not UTF-8')
  if (expected.data === undefined || message.equals(expected.data)) return MET
  return unmet(`a message came with ${bytesDiffer(message, expected.data)}`)
}

const inWords = (event: PeerEvent): string =>
  event.kind === 'end' ? `the peer ${event.how}` : `${annotateLine({ frame: event.frame })} came`
