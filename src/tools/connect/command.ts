import { createInterface } from 'node:readline'
import { type Call, type Command, type Options, UsageError } from '../command.js'
import { DIAL_FLAGS, dialOptionsOf, targetOf } from '../dial-flags.js'
import { interruptible } from '../interrupt.js'
import { Exit, type Input } from '../output.js'
import { readAll } from '../read-all.js'
import { type Action, InputError, type LineForm, parsePlain, parseSlash } from './actions.js'
import { Prompt } from './prompt.js'
import { type BinaryForm, type Show, showAsJson, showToPeople, showToPipe } from './show.js'
import { Talk } from './talk.js'
import { watchFrames } from './watch.js'

export const connectCommand: Command = {
  name: 'connect',
  summary: 'talks to a WebSocket server, by hand or from a pipe',
  usage: ['URL [options]', 'URL [options] < messages', 'URL -m TEXT [options]'],
  options: {
    ...DIAL_FLAGS,
    redirects: { value: 'N', help: 'follow so many redirects; default 0' },
    reconnect: { help: 'connect again whenever the connection is lost' },
    message: {
      value: 'TEXT',
      short: 'm',
      multiple: true,
      help: 'send this, and do not read stdin; may be repeated',
    },
    send: { value: 'FORM', help: 'how lines are sent: text (default), binary, hex, base64' },
    whole: { help: 'send all of stdin as one message, as it is' },
    slash: { help: 'take /ping, /close, /hex … from a pipe, too' },
    show: { value: 'FORM', help: 'how binary messages are shown: hex (default), base64, text' },
    raw: { help: 'print messages unescaped, just as they came; into files and programs only' },
    frames: { help: 'show every frame, both ways' },
    wait: {
      value: 'MS',
      help: 'behind the last line, close when nothing came for so long; default 1000; or forever',
    },
    count: { value: 'N', help: 'close behind N messages' },
  },
  notes: [
    'At a terminal, lines are typed, and a slash begins a command: /help tells them. Otherwise every line of stdin is sent',
    'as a message, every message that comes is printed as a line, and everything else goes to stderr. With --json, all is',
    'on stdout, one object a line.',
    '',
    'Exit code: 0 closed by us, or peacefully by the peer; 1 refused, lost, closed with an error, or a line that cannot be',
    'sent; 2 the command line is wrong; 130 interrupted; 141 nobody reads the output.',
  ],
  run: connect,
}

async function connect(call: Call): Promise<number> {
  const { options, output } = call
  const url = targetOf(call)
  const began = performance.now()
  const since = (): number => performance.now() - began
  const form = oneOf(options, 'send', ['text', 'binary', 'hex', 'base64'])
  const binary = oneOf(options, 'show', ['hex', 'base64', 'text'])
  const dialing = { ...dialOptionsOf(options), followRedirects: options.integer('redirects', 0, [0, 100]) }
  const count = options.integer('count', Infinity, [1, Number.MAX_SAFE_INTEGER])
  const wait = waitOf(options)
  const lines = linesOf(call, form, () => talk.stop())
  const show = showFor(call, lines.print, binary, since)
  const talk = new Talk({
    url,
    options: dialing,
    reconnect: options.flag('reconnect'),
    actions: lines.actions,
    wait,
    count,
    isInteractive: lines.print !== undefined,
    show,
    drained: () => output.drained(),
    release: lines.release,
    watch: options.flag('frames') ? (conn) => void watchFrames(conn, show, since) : () => undefined,
  })
  output.closed.addEventListener('abort', () => talk.stop())
  return interruptible(async (interrupted) => {
    interrupted.addEventListener('abort', () => talk.stop())
    const code = await talk.run()
    return interrupted.aborted ? Exit.Interrupted : code
  })
}

function showFor(
  { options, output }: Call,
  print: Lines['print'],
  binary: BinaryForm,
  since: () => number,
): Show {
  if (options.flag('json')) return showAsJson(output, since)
  if (print !== undefined) return showToPeople(print, binary)
  return showToPipe(output, binary, options.flag('raw') && output.stdout.isTTY !== true)
}

/** Where what is sent comes from. */
interface Lines {
  readonly actions: AsyncIterable<Action | InputError>
  /** Prints above the line that is being typed, where somebody types. */
  readonly print?: (lines: readonly string[]) => void
  readonly release: () => void
}

function linesOf({ options, output, input }: Call, form: LineForm, onInterrupt: () => void): Lines {
  const messages = options.list('message')
  if (messages.length > 0)
    return { actions: parsed(messages, (line) => parsePlain(line, form)), release: () => undefined }
  const stdin = input()
  const release = (): void => void stdin.destroy()
  if (options.flag('whole')) return { actions: wholeOf(stdin, form), release }
  const isTyped = stdin.isTTY === true && output.stdout.isTTY === true && !options.flag('json')
  if (isTyped) {
    const prompt = new Prompt(stdin, output, onInterrupt)
    return {
      actions: parsed(prompt.lines(), (line) => (line === '' ? undefined : parseSlash(line, form))),
      print: (lines) => prompt.print(lines),
      release: () => prompt.close(),
    }
  }
  const parse = options.flag('slash') ? parseSlash : parsePlain
  const lines = createInterface({ input: stdin, crlfDelay: Infinity })
  return {
    actions: parsed(lines, (line) => parse(line, form)),
    release() {
      lines.close()
      release()
    },
  }
}

/** Lines as what they ask for; one that makes no sense becomes an error in its place. */
async function* parsed(
  lines: AsyncIterable<string> | Iterable<string>,
  parse: (line: string) => Action | undefined,
): AsyncGenerator<Action | InputError, void, undefined> {
  for await (const line of lines) {
    try {
      const action = parse(line)
      if (action !== undefined) yield action
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      yield error
    }
  }
}

/** All of a stream as one message. */
async function* wholeOf(input: Input, form: LineForm): AsyncGenerator<Action, void, undefined> {
  const data = await readAll(input)
  yield form === 'binary' ? { do: 'send', data } : parsePlain(data.toString(), form)
}

function oneOf<const T extends string>(options: Options, name: string, allowed: readonly [T, ...T[]]): T {
  const given = options.text(name)
  if (given === undefined) return allowed[0]
  const found = allowed.find((one) => one === given)
  if (found === undefined)
    throw new UsageError(`--${name} must be one of ${allowed.join(', ')}, not '${given}'`)
  return found
}

function waitOf(options: Options): number | undefined {
  if (options.text('wait') === 'forever') return undefined
  return options.integer('wait', 1000, [0, 86_400_000])
}
