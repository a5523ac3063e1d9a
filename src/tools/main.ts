/**
 * The command `fastws`.
 *
 * Everything below src/tools stands on the public surface alone, as a program of a user would: imports are from
 * `../index.js`, `../frame/index.js` and Node. Nothing in the library imports it.
 *
 * How to add a command:
 *
 * 1. Write a `Command` (command.ts) in `src/tools/<name>.ts`, or in a folder of that name, and put it into `COMMANDS`
 *    below. `--help`, `--json` and the list of commands then work by themselves.
 * 2. Print with the `Output` it is given (output.ts): `line()` and `json()` for results, `note()` for remarks, `status()`
 *    for progress. It escapes what could drive a terminal, so what a peer sent can be printed as it is.
 * 3. Stop when `output.closed` is aborted: then nobody reads any more. `main` gives back `Exit.Pipe` by itself.
 * 4. Resolve with one of `Exit`; throw a `UsageError` for a call that makes no sense.
 * 5. Frames are shown by `WireLog` (wire-log.ts): time, direction, `String(frame)`.
 */
import { benchCommand } from './bench/command.js'
import { checkCommand } from './check/command.js'
import { type Command, columns, helpFor, parseCall, UsageError } from './command.js'
import { connectCommand } from './connect/command.js'
import { dumpCommand } from './dump/command.js'
import { Exit, Output, type Streams } from './output.js'
import { proxyCommand } from './proxy/command.js'
import { replayCommand } from './replay/command.js'
import { sendCommand } from './send/command.js'
import { serveCommand } from './serve/command.js'
import { version } from './version.js'

const COMMANDS: readonly Command[] = [
  checkCommand,
  connectCommand,
  sendCommand,
  serveCommand,
  dumpCommand,
  proxyCommand,
  replayCommand,
  benchCommand,
]

/** Runs the program; resolves with its exit code. */
export async function main(args: readonly string[], streams: Streams): Promise<number> {
  const output = new Output(streams)
  const closed = new Promise<void>((resolve) => {
    output.closed.addEventListener('abort', () => resolve())
  })
  const done = dispatch(args, output, streams)
  // A command that keeps something, as a recording, may bring that to an end.
  const code = await Promise.race([done, closed.then(() => Promise.race([done, grace()]))])
  return output.closed.aborted ? Exit.Pipe : code
}

/** So long a command may take to end when nobody reads its output any more. */
const GRACE = 2_000

const grace = (): Promise<number> =>
  new Promise((resolve) => {
    setTimeout(resolve, GRACE, Exit.Pipe).unref()
  })

async function dispatch(
  [name, ...args]: readonly string[],
  output: Output,
  streams: Streams,
): Promise<number> {
  if (name === '--version') return print(output, [version()])
  if (name === undefined || name === '--help' || name === 'help') return print(output, overview())
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) {
    output.note(`fastws: there is no command '${name}'; try fastws --help`)
    return Exit.Usage
  }
  return runCommand(command, args, output, streams)
}

async function runCommand(
  command: Command,
  args: readonly string[],
  output: Output,
  streams: Streams,
): Promise<number> {
  try {
    const call = parseCall(command, args)
    if (call.options.flag('help')) return print(output, helpFor(command))
    // Asked for late: whoever touches stdin of a process makes it wait for it.
    return await command.run({ ...call, output, input: () => streams.stdin ?? process.stdin })
  } catch (error) {
    if (error instanceof UsageError) {
      output.note(`fastws ${command.name}: ${error.message}; try fastws ${command.name} --help`)
      return Exit.Usage
    }
    output.note(`fastws ${command.name}: ${error instanceof Error ? error.message : String(error)}`)
    return Exit.Failed
  }
}

function print(output: Output, lines: readonly string[]): number {
  for (const line of lines) output.line(line)
  return Exit.Ok
}

const overview = (): readonly string[] => [
  'fastws: WebSocket tools',
  '',
  'Usage: fastws <command> [options]',
  '',
  'Commands:',
  ...columns(COMMANDS.map(({ name, summary }) => [name, summary] as const)),
  '',
  'fastws <command> --help tells about one of them.',
]
