import { HandshakeError } from '../../index.js'
import { type Call, type Command, UsageError } from '../command.js'
import { asUsage, DIAL_FLAGS, dialOptionsOf, readFileOf, targetOf } from '../dial-flags.js'
import { interruptible } from '../interrupt.js'
import { Exit } from '../output.js'
import { readAll } from '../read-all.js'
import { parseScript } from './parser.js'
import { play } from './play.js'
import { type Script, ScriptError } from './script.js'
import { showAsJson, showToPeople } from './show.js'

const { 'no-compress': _, ...FLAGS } = DIAL_FLAGS

export const sendCommand: Command = {
  name: 'send',
  summary: 'sends frames just as you write them, wrong ones too, and shows the answers',
  usage: ['URL [options] STATEMENT …', 'URL [options] --file SCRIPT', 'URL [options] < SCRIPT'],
  options: {
    ...FLAGS,
    file: { value: 'PATH', short: 'f', help: 'read the script from there' },
    compress: { help: 'offer compression; answers are inflated, and deflate compresses a payload' },
    long: { help: 'show every frame byte by byte' },
    'no-answer': { help: 'do not answer pings and Close' },
    'no-close': { help: 'drop the connection behind the script, instead of closing it' },
    patience: { value: 'MS', help: 'how long what is expected may take; default 2000' },
    wait: { value: 'MS', help: 'behind the script, be done when nothing came for so long; default 1000' },
    check: { help: 'only read the script' },
  },
  notes: [
    'Statements, one a line or with ; between them; # begins a comment:',
    '  text | binary | cont | ping | pong | close [CODE] | frame opcode=N   a frame, with any of',
    '      "text" hex:01ff base64:AQ== file:PATH        its payload',
    '      fin=0 rsv1 rsv=N mask=off mask=KEY           its bits',
    '      len=N bits=7|16|64                           a length that lies, or is told in more bits than it needs',
    '      size=N deflate                               a payload repeated up to N bytes; compressed, with rsv1',
    '  raw 81 05 "Hello"                                bytes',
    '  expect FRAME | message [text|binary] [PAYLOAD] | end | nothing [TIME]   … within TIME',
    '  wait 100ms    repeat N { … }    together { … }    pieces N|off    fin    reset',
    '',
    'Exit code: 0 every expectation held; 1 one did not, or there was no connection; 2 the command line or the script is',
    'wrong; 130 interrupted; 141 nobody reads the output.',
  ],
  run: send,
}

async function send(call: Call): Promise<number> {
  const { options, output } = call
  const [url, ...statements] = call.positionals
  const target = targetOf({ positionals: url === undefined ? [] : [url] })
  const dialing = { ...dialOptionsOf(options), compress: options.flag('compress') }
  const timing = {
    patience: options.integer('patience', 2000, [1, 3_600_000]),
    wait: options.integer('wait', 1000, [0, 3_600_000]),
  }
  const script = await scriptOf(call, statements)
  if (script === undefined) return Exit.Usage
  if (options.flag('check')) return Exit.Ok
  const show = options.flag('json') ? showAsJson(output) : showToPeople(output, options.flag('long'))
  const playing = interruptible((interrupted) =>
    play({
      url: target,
      options: { ...dialing, keepalive: false },
      script,
      show,
      answers: !options.flag('no-answer'),
      closes: !options.flag('no-close'),
      ...timing,
      signal: AbortSignal.any([interrupted, output.closed]),
    }),
  )
  return playing.catch((error: unknown) => {
    if (!(error instanceof HandshakeError)) throw asUsage(error)
    show.failed(error)
    return Exit.Failed
  })
}

/** The script, from wherever it comes; undefined when it is wrong, which has been told then. */
async function scriptOf(call: Call, statements: readonly string[]): Promise<Script | undefined> {
  const path = call.options.text('file')
  if (path !== undefined && statements.length > 0)
    throw new UsageError('statements come from the command line or from --file, not from both')
  const text =
    statements.length > 0
      ? statements.join('\n')
      : path === undefined
        ? (await readAll(call.input())).toString()
        : readFileOf('--file', path).toString()
  try {
    return parseScript(text)
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    tellWhere(call, path ?? 'script', text, error)
    return undefined
  }
}

/** As compilers do: file, line, column, what is wrong; the line; a caret below the place. */
function tellWhere({ output }: Call, name: string, text: string, { message, position }: ScriptError): void {
  const { line, column } = position
  const source = (text.split('\n')[line - 1] ?? '').replace(/\s/g, ' ')
  output.note(`fastws send: ${name}:${line}:${column}: ${message}`)
  output.note(`  ${source}`)
  output.note(`  ${' '.repeat(column - 1)}^`)
}
