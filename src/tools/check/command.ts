import { type Call, type Command, type Options, UsageError } from '../command.js'
import { DIAL_FLAGS } from '../dial-flags.js'
import { basicOf, fieldsOf, headerLinesOf } from '../header-lines.js'
import type { Output } from '../output.js'
import { urlOf, withoutPassword } from '../url.js'
import type { Case } from './case.js'
import { casesFor } from './cases/index.js'
import { checkClients } from './check-clients.js'
import { checkServer } from './check-server.js'
import type { HeaderEdit } from './http-head.js'
import { selectCases } from './select.js'
import { SETTINGS, type Settings } from './settings.js'

/** What both ways of checking are called with. */
export interface CheckCall {
  readonly options: Options
  readonly output: Output
  readonly cases: readonly Case[]
  readonly settings: Settings
}

const DELAY = [1, 3_600_000] as const

export const checkCommand: Command = {
  name: 'check',
  summary: 'holds a WebSocket server or client against the RFCs',
  usage: [
    'URL [options]           tests the echo server there',
    '--serve PORT [options]  tests echo clients that connect',
  ],
  options: {
    cases: { value: 'LIST', help: "which cases: '1.*,7.3.*', or '!9.*' for all but those; default all" },
    list: { help: 'tell the cases, and play none' },
    report: { value: 'DIR', help: 'write index.json and index.html there' },
    expect: {
      value: 'FILE',
      help: 'compare with an index.json: what is not in it has to be OK; exit 1 when worse',
    },
    agent: {
      value: 'NAME',
      help: 'what the tested server is called; default its address. With --serve: whose entry of --expect holds',
    },
    parallel: { value: 'N', help: 'cases at the same time; default 10' },
    messages: { value: 'N', help: 'messages in the cases that send 1000, for a quick run' },
    timeout: { value: 'MS', help: `for whatever must come; default ${SETTINGS.timeout}` },
    patience: { value: 'MS', help: `the same where much is sent; default ${SETTINGS.patience}` },
    quiet: { value: 'MS', help: `how long nothing has to come where nothing may; default ${SETTINGS.quiet}` },
    reaction: { value: 'MS', help: `for a reaction inside of a frame; default ${SETTINGS.reaction}` },
    header: DIAL_FLAGS.header,
    ca: { ...DIAL_FLAGS.ca, help: 'trust the certificates in there (PEM), and no others' },
    cert: DIAL_FLAGS.cert,
    key: DIAL_FLAGS.key,
    servername: DIAL_FLAGS.servername,
    insecure: { ...DIAL_FLAGS.insecure, help: 'take any certificate' },
    serve: { value: 'PORT', help: 'test clients; 0 takes a free port' },
    host: { value: 'NAME', help: 'where to listen; default 127.0.0.1' },
    once: { help: 'with --serve: end when a client has asked for /updateReports' },
    verbose: { help: 'show what went over the wire in each case that is not OK' },
  },
  notes: [
    'Verdicts: OK, INFORMATIONAL, NON-STRICT, UNIMPLEMENTED, FAILED. Groups 1 to 13 have the numbers of the Autobahn test',
    'suite; H (handshake), L (limits) and C (close and TCP) go beyond it. A client under test asks for /getCaseCount, then',
    'for /runCase?case=N&agent=NAME from 1 on, then for /updateReports?agent=NAME, and echoes every message.',
    '',
    'Exit code: 0 every case was played, and none FAILED, or was worse than expected; 1 otherwise, or nobody is there; 2 the',
    'command line is wrong; 130 interrupted: what was judged until then is reported; 141 nobody reads the output.',
  ],
  run: (call) => {
    const serve = call.options.has('serve')
    const chosen = selectCases(casesFor(serve ? 'client' : 'server'), call.options.text('cases') ?? '*')
    if (call.options.flag('list')) return list(call, chosen)
    const check: CheckCall = { ...call, cases: chosen, settings: settingsOf(call.options) }
    if (!serve) {
      const url = targetOf(call)
      return checkServer(check, url, headersOf(call.options, url))
    }
    if (call.positionals.length > 0) throw new UsageError('with --serve, no URL is needed')
    return checkClients(check)
  },
}

async function list({ options, output }: Call, cases: readonly Case[]): Promise<number> {
  for (const { id, description } of cases)
    options.flag('json') ? output.json({ id, description }) : output.line(`${id.padEnd(8)} ${description}`)
  return 0
}

function settingsOf(options: Options): Settings {
  return {
    timeout: options.integer('timeout', SETTINGS.timeout, DELAY),
    patience: options.integer('patience', SETTINGS.patience, DELAY),
    quiet: options.integer('quiet', SETTINGS.quiet, DELAY),
    reaction: options.integer('reaction', SETTINGS.reaction, DELAY),
    messages: options.integer('messages', SETTINGS.messages, [1, SETTINGS.messages]),
  }
}

const SCHEMES = ['ws:', 'wss:', 'http:', 'https:']

function targetOf({ positionals }: Call): URL {
  const [given, ...more] = positionals
  if (given === undefined || more.length > 0) throw new UsageError('one URL is needed, or --serve PORT')
  const url = urlOf(given)
  if (url === undefined || !SCHEMES.includes(url.protocol))
    throw new UsageError(`'${withoutPassword(given)}' is no URL with ws: or wss:`)
  return url
}

/** Those that were asked for, a name given again as another line; and those that stand for name and password in the URL. */
function headersOf(options: Options, url: URL): HeaderEdit {
  const basic = basicOf(url, 'URL')
  const own = basic === undefined ? [] : [['Authorization', basic] as const]
  return fieldsOf([...own, ...headerLinesOf(options)])
}
