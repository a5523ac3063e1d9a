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
import { type Command, columns, helpFor, parseCall, UsageError } from './command.js'
import { Exit, Output, type Streams } from './output.js'
import { version } from './version.js'

/** Each is loaded when it is asked for: a program should open no files for what it does not do. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./check/command.js')).checkCommand,
  connect: async () => (await import('./connect/command.js')).connectCommand,
  send: async () => (await import('./send/command.js')).sendCommand,
  serve: async () => (await import('./serve/command.js')).serveCommand,
  dump: async () => (await import('./dump/command.js')).dumpCommand,
  proxy: async () => (await import('./proxy/command.js')).proxyCommand,
  replay: async () => (await import('./replay/command.js')).replayCommand,
  bench: async () => (await import('./bench/command.js')).benchCommand,
}

const all = (): Promise<Command[]> => Promise.all(Object.values(COMMANDS).map((load) => load()))

/** Runs the program; resolves with its exit code. */
export async function main(args: readonly string[], streams: Streams): Promise<number> {
  const output = new Output(streams)
  let late: NodeJS.Timeout | undefined
  // A command that keeps something, as a recording, may bring that to an end when nobody reads any more.
  const closed = new Promise<number>((resolve) => {
    output.closed.addEventListener('abort', () => {
      late = setTimeout(resolve, GRACE, Exit.Pipe)
    })
  })
  const done = dispatch(args, output, streams).finally(() => clearTimeout(late))
  return Promise.race([done.then((code) => (output.closed.aborted ? Exit.Pipe : code)), closed])
}

/** So long a command may take to end when nobody reads its output any more. */
const GRACE = 2_000

async function dispatch(
  [name, ...args]: readonly string[],
  output: Output,
  streams: Streams,
): Promise<number> {
  if (name === '--version') return print(output, [version()])
  if (name === undefined || name === '--help' || name === 'help') return print(output, await overview())
  if (!Object.hasOwn(COMMANDS, name)) {
    output.note(`fastws: there is no command '${name}'; try fastws --help`)
    return Exit.Usage
  }
  const command = await COMMANDS[name]!()
  return output.closed.aborted ? Exit.Pipe : runCommand(command, args, output, streams)
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

const overview = async (): Promise<readonly string[]> => [
  'fastws: WebSocket tools',
  '',
  'Usage: fastws <command> [options]',
  '',
  'Commands:',
  ...columns((await all()).map(({ name, summary }) => [name, summary] as const)),
  '',
  'fastws <command> --help tells about one of them.',
]
