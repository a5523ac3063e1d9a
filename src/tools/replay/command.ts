import { setTimeout as sleep } from 'node:timers/promises'
import { encoded, preview } from '../annotate.js'
import { type Call, type Command, type Options, UsageError } from '../command.js'
import { asUsage, DIAL_FLAGS, dialOptionsOf, readFileOf, targetOf } from '../dial-flags.js'
import { failureLines, failureRecord } from '../failure.js'
import { interruptible } from '../interrupt.js'
import { Exit, type Output } from '../output.js'
import { RecordingError, readWhole } from '../recording/read.js'
import { differences } from './compare.js'
import { type PlaySettings, play } from './player.js'
import { type Script, scriptsOf } from './script.js'
import { LONGEST_TIMER } from './waiter.js'

const PATIENCE = 5000

export const replayCommand: Command = {
  name: 'replay',
  summary: "plays the client's side of a recording, and compares the answers",
  usage: ['FILE URL [options]  FILE is lines of JSON (fastws proxy --record) or a HAR'],
  options: {
    expect: { help: 'exit with 1 when the server answers otherwise than recorded' },
    fast: { help: 'wait for the recorded answers only, not for the recorded times' },
    speed: { value: 'N', help: 'so many times as fast as recorded; default 1' },
    conn: { value: 'N', help: 'play one connection of the recording; default all of them' },
    patience: { value: 'MS', help: `how long to wait for an answer that was recorded; default ${PATIENCE}` },
    headers: { help: 'send the recorded headers, too: cookies, credentials, origin' },
    quiet: { help: 'print no messages, only what differs, and the outcome' },
    ...DIAL_FLAGS,
  },
  notes: [
    'Frames go out as they were recorded, wrong ones too, with new masks; compressed messages are compressed anew. Pings of',
    'the server are answered as it sends them. A message waits until as many answers have come as were recorded before it.',
    'A URL without a path is completed by the recorded one. Exit code 1: no connection, or, with --expect, a difference.',
  ],
  run: async (call) => {
    const { options, output } = call
    const [path, ...rest] = call.positionals
    if (path === undefined) throw new UsageError('a recording is needed, and a URL')
    const url = targetOf({ positionals: rest })
    const { scripts: all, cut } = scriptsIn(path)
    const scripts = chosen(options, all)
    const speed = speedOf(options)
    const settings = {
      url,
      dial: dialOptionsOf(options),
      speed,
      patience: options.integer('patience', PATIENCE, [0, 3_600_000]),
      sendsHeaders: options.flag('headers'),
      onMessage: options.flag('quiet') ? () => undefined : messagePrinter(output, options.flag('json')),
    }
    return interruptible(async (interrupted) => {
      const same = await playAll(scripts, settings, call, interrupted)
      if (cut !== undefined)
        output.note(`fastws replay: line ${cut} of ${path}, the last one, is cut off: it was left out`)
      if (interrupted.aborted) return Exit.Interrupted
      return same ? Exit.Ok : Exit.Failed
    })
  },
}

/** Plays every connection when its time has come; what one of them throws ends the others, too. */
async function playAll(
  scripts: readonly Script[],
  settings: Omit<PlaySettings, 'signal'>,
  call: Call,
  interrupted: AbortSignal,
): Promise<boolean> {
  const failing = new AbortController()
  const signal = AbortSignal.any([interrupted, call.output.closed, failing.signal])
  const first = scripts.reduce((least, { at }) => Math.min(least, at), Infinity)
  const playing = scripts.map(async (script) => {
    await wait((script.at - first) / settings.speed, signal)
    return signal.aborted ? false : playOne(script, { ...settings, signal }, call)
  })
  try {
    return (await Promise.all(playing)).every(Boolean)
  } catch (error) {
    failing.abort()
    await Promise.allSettled(playing)
    throw error
  }
}

/** What there is to play, and the number of the last line if that is cut off. */
function scriptsIn(path: string): { readonly scripts: Script[]; readonly cut: number | undefined } {
  let cut: number | undefined
  const onCut = (line: number): void => {
    cut = line
  }
  try {
    const scripts = scriptsOf(readWhole(readFileOf('FILE', path).toString(), onCut))
    return { scripts, cut }
  } catch (error) {
    if (error instanceof RecordingError) throw new UsageError(`${path} is no recording: ${error.message}`)
    throw error
  }
}

function chosen(options: Options, scripts: readonly Script[]): readonly Script[] {
  if (scripts.length === 0) throw new UsageError('there is nothing to play in the recording')
  if (!options.has('conn')) return scripts
  const conn = options.integer('conn', 1, [1, Number.MAX_SAFE_INTEGER])
  const own = scripts.filter((script) => script.conn === conn)
  if (own.length > 0) return own
  throw new UsageError(
    `there is no connection ${conn} in the recording: ${scripts.map((one) => one.conn).join(', ')}`,
  )
}

function speedOf(options: Options): number {
  if (options.flag('fast')) return Number.POSITIVE_INFINITY
  const speed = Number(options.text('speed') ?? 1)
  if (speed > 0) return speed
  throw new UsageError(`--speed must be a number above 0, not '${options.text('speed')}'`)
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + milliseconds
  for (let left = milliseconds; left > 0 && !signal.aborted; left = until - performance.now())
    await sleep(Math.min(left, LONGEST_TIMER), undefined, { signal }).catch(() => undefined)
}

function messagePrinter(output: Output, isJson: boolean): PlaySettings['onMessage'] {
  const begin = performance.now()
  return (conn, direction, { isText, data }) => {
    const at = Math.round((performance.now() - begin) * 10) / 10
    const kind = isText ? 'text' : 'binary'
    const record = {
      type: 'message',
      at,
      conn,
      direction,
      kind,
      length: data.length,
      ...encoded(data, isText),
    }
    if (isJson) output.json(record)
    else
      output.line(
        `#${conn} ${direction === 'sent' ? '>' : '<'} ${kind} ${data.length} bytes ${preview(data, isText, 64)}`,
      )
  }
}

/** Plays one connection and tells the outcome; true when it is one to be content with. */
async function playOne(script: Script, settings: PlaySettings, { options, output }: Call): Promise<boolean> {
  const { conn, expected, left } = script
  for (const what of left) output.note(`#${conn} cannot replay ${what}`)
  try {
    const played = await play(script, settings)
    if (settings.signal.aborted) return false
    const lines = differences(script, played)
    const outcome = {
      type: 'outcome',
      conn,
      sent: played.sent,
      expected: expected.length,
      received: played.count,
      differences: lines,
    }
    if (options.flag('json')) output.json(outcome)
    else tell(output, outcome, played.error)
    return lines.length === 0 || !options.flag('expect')
  } catch (error) {
    const usage = asUsage(error)
    if (usage instanceof UsageError) throw usage
    if (options.flag('json')) output.json({ conn, ...failureRecord(error) })
    else for (const line of failureLines(error)) output.line(`#${conn} ${line}`)
    return false
  }
}

function tell(
  output: Output,
  {
    conn,
    sent,
    expected,
    received,
    differences,
  }: { conn: number; sent: number; expected: number; received: number; differences: readonly string[] },
  error: Error | undefined,
): void {
  for (const line of differences) output.line(`#${conn} ! ${line}`)
  if (error !== undefined && differences.length > 0) output.line(`#${conn} ! ${error.message}`)
  const how = differences.length === 0 ? 'as recorded' : 'not as recorded'
  output.line(`#${conn} ${sent} sent, ${received} of ${expected} messages received: ${how}`)
}
