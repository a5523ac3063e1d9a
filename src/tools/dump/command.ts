import { setImmediate as turn } from 'node:timers/promises'
import type { FrameDirection } from '../annotate.js'
import { type Command, UsageError } from '../command.js'
import { Exit } from '../output.js'
import type { WireEvent } from '../recording/events.js'
import { linesOf, recordOf } from '../recording/lines.js'
import { RecordingError, readRecording } from '../recording/read.js'
import { followBytes } from './follow.js'
import { type Input, KINDS, readInput } from './input.js'

/** After so many lines others have their turn: only then is it seen that nobody reads any more. */
const TURN = 256

const SIDES: ReadonlyMap<string, FrameDirection> = new Map([
  ['client', 'sent'],
  ['server', 'received'],
])

export const dumpCommand: Command = {
  name: 'dump',
  summary: 'takes frames apart: from hex, a file, or a recording',
  usage: [
    'HEX…            bytes on the command line',
    'FILE [options]  a file',
    '[options]       what comes in on stdin',
  ],
  options: {
    from: {
      value: 'SIDE',
      help: "who sent the bytes: 'client' or 'server'; default: whoever masks the first frame",
    },
    extensions: {
      value: 'TEXT',
      help: "what was agreed on, where no handshake is there: 'permessage-deflate; …'",
    },
    as: { value: 'KIND', help: `what the input is: ${KINDS.join(', ')}; default: what it looks like` },
    short: { help: 'one line for each frame' },
    shown: { value: 'N', help: 'bytes of each payload that are shown; default 256, or 64 with --short' },
    'max-frame': { value: 'BYTES', help: 'payloads and messages beyond are stepped over; default 16777216' },
  },
  notes: [
    'Hex may have spaces, colons, 0x and comments, and may be as xxd, hexdump -C and tcpdump -x print it. In front of a',
    'line, > stands for the client and < for the server. The head of a handshake may stand in front of the frames; what it',
    'agrees on holds for them. Exit code 1: a rule is broken, or the end of a frame is missing, which is marked with !; or',
    'the last line of a recording is cut off.',
  ],
  run: async ({ positionals, options, output, input: stdin }) => {
    const input = await readInput(positionals, kindOf(options.text('as')), stdin)
    const { events, showsConn, cut } = eventsOf(input, {
      from: sideOf(options.text('from')),
      extensions: options.text('extensions'),
      maxFrame: options.integer('max-frame', 16 << 20, [0, 256 << 20]),
    })
    const isLong = !options.flag('short')
    const shown = options.has('shown') ? options.integer('shown', 0, [0, 1 << 30]) : undefined
    let [count, isSound] = [0, true]
    for (const event of events) {
      if (output.closed.aborted) break
      if (++count % TURN === 0) await turn()
      isSound &&= isSoundEvent(event)
      await output.drained()
      if (options.flag('json')) output.json(recordOf(event))
      else for (const line of linesOf(event, { isLong, showsConn, shown })) output.line(line)
    }
    if (count === 0) output.note('fastws dump: there is nothing to show')
    if (cut !== undefined) output.note(`fastws dump: line ${cut}, the last one, is cut off: it is left out`)
    return count > 0 && isSound && cut === undefined ? Exit.Ok : Exit.Failed
  },
}

const isSoundEvent = (event: WireEvent): boolean =>
  event.type === 'stop' ? false : event.type === 'end' || event.faults.length === 0

function sideOf(text: string | undefined): FrameDirection | undefined {
  if (text === undefined) return undefined
  const side = SIDES.get(text)
  if (side === undefined) throw new UsageError(`--from must be 'client' or 'server', not '${text}'`)
  return side
}

function kindOf(text: string | undefined): (typeof KINDS)[number] | undefined {
  const kind = KINDS.find((one) => one === text)
  if (text !== undefined && kind === undefined)
    throw new UsageError(`--as must be one of ${KINDS.join(', ')}, not '${text}'`)
  return kind
}

interface Events {
  readonly events: Iterable<WireEvent>
  /** There are several connections, or one that is not the first. */
  readonly showsConn: boolean
  /** The number of a line that was cut off, as the last one of a recording may be. */
  readonly cut?: number | undefined
}

/** A recording is read through once before anything of it is shown: when it is broken, that is said at once. */
function eventsOf(input: Input, settings: Parameters<typeof followBytes>[1]): Events {
  if (input.kind === 'bytes') return { events: followBytes(input.segments, settings), showsConn: false }
  try {
    let showsConn = false
    let cut: number | undefined
    const onCut = (line: number): void => {
      cut = line
    }
    for (const { conn } of readRecording(input.text, onCut)) showsConn ||= conn !== 1
    return { events: readRecording(input.text), showsConn, cut }
  } catch (error) {
    if (error instanceof RecordingError) throw new UsageError(`this is no recording: ${error.message}`)
    throw error
  }
}
