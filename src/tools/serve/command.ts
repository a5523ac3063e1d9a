import { randomInt } from 'node:crypto'
import type { HandshakeOffer } from '../../index.js'
import { type Call, type Command, type Options, UsageError } from '../command.js'
import { asUsage, fileOf } from '../dial-flags.js'
import { anyAborted, interruptible } from '../interrupt.js'
import { Exit } from '../output.js'
import { ACTS, type Act, type ChaosPlan, USUAL } from './chaos.js'
import { logAsJson, logForPeople } from './log.js'
import { MODES, type Mode, TrialServer } from './server.js'

const chance = (help: string) => ({ value: 'P', help })

export const serveCommand: Command = {
  name: 'serve',
  summary: 'runs a WebSocket server to try a client on: echo, sink, broadcast or chaos',
  usage: ['[echo] [options]', 'sink | broadcast | chaos [options]'],
  options: {
    port: { value: 'PORT', short: 'p', help: 'where to listen; default 8080, 0 takes a free port' },
    host: { value: 'NAME', help: 'the address to listen at; default 127.0.0.1, this machine alone' },
    path: { value: 'PATH', help: 'serve this path only' },
    cert: { value: 'FILE', help: 'speak TLS, with this certificate (PEM)' },
    key: { value: 'FILE', help: 'and its key (PEM)' },
    protocol: {
      value: 'NAME',
      short: 's',
      multiple: true,
      help: 'subprotocols, best first; default what is asked for',
    },
    origin: { value: 'URL', short: 'o', multiple: true, help: 'pages that may connect; default all' },
    compress: { help: 'accept compression' },
    'max-message': { value: 'BYTES', help: 'longest message; default 64 MiB' },
    'to-self': { help: 'broadcast to whom a message came from, too' },
    messages: { help: 'show messages' },
    frames: { help: 'show every frame' },
    quiet: { help: 'do not tell of connections' },
    seed: { value: 'N', help: 'chaos: the same seed does the same again; default a new one, which is told' },
    drop: chance('chaos: how often a message has no answer, as in 0.1 or 10%'),
    delay: chance('… has to wait for its answer'),
    double: chance('… is answered twice'),
    fragment: chance('… is answered in several frames'),
    bad: chance('… is answered with a frame that breaks the rules'),
    close: chance('… is answered with Close, with some code'),
    cut: chance('… is answered with half a frame, and the end of TCP'),
    reset: chance('… is answered with a reset of TCP'),
    'max-delay': { value: 'MS', help: 'chaos: the longest delay; default 500' },
  },
  notes: [
    'echo sends every message back, sink takes all and answers nothing, broadcast passes messages on to all others, chaos is',
    'an echo with faults. What happens to a message there depends on the seed, the number of the connection, counted from 1,',
    'and the number of the message in it, and on nothing else. Chances that are given are all there are; without any, there',
    `are ${ACTS.map((act) => `${act} ${USUAL[act]}`).join(', ')}.`,
    '',
    'SIGINT closes all connections (1001) and ends the program. Exit code: 0; 1 when it cannot listen; 2 the command line is',
    'wrong; 141 nobody reads the output.',
  ],
  run: serve,
}

async function serve(call: Call): Promise<number> {
  const { options, output } = call
  const began = performance.now()
  const since = (): number => performance.now() - began
  const mode = modeOf(call)
  const level = { quiet: options.flag('quiet'), messages: options.flag('messages') }
  const log = options.flag('json') ? logAsJson(output, level, since) : logForPeople(output, level)
  const chaos = chaosOf(options)
  const server = serverOf(
    () =>
      new TrialServer({
        mode,
        port: options.integer('port', 8080, [0, 65_535]),
        host: options.text('host') ?? '127.0.0.1',
        tls: tlsOf(options),
        options: upgradeOptionsOf(options),
        chaos,
        toSelf: options.flag('to-self'),
        showsFrames: options.flag('frames'),
        log,
        since,
      }),
  )
  return interruptible(async (interrupted) => {
    log.listening(await server.listen(), mode, mode === 'chaos' ? chaos.seed : undefined)
    await anyAborted(interrupted, output.closed)
    await server.stop()
    return Exit.Ok
  })
}

function serverOf(make: () => TrialServer): TrialServer {
  try {
    return make()
  } catch (error) {
    throw asUsage(error)
  }
}

function modeOf({ positionals }: Call): Mode {
  const [given = 'echo', ...more] = positionals
  const mode = MODES.find((one) => one === given)
  if (mode === undefined || more.length > 0)
    throw new UsageError(`one of ${MODES.join(', ')} is needed, not '${positionals.join(' ')}'`)
  return mode
}

function tlsOf(options: Options): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  const { cert } = fileOf(options, 'cert')
  const { key } = fileOf(options, 'key')
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) throw new UsageError('--cert and --key belong together')
  return { cert, key }
}

function upgradeOptionsOf(options: Options) {
  const longest = options.integer('max-message', 64 << 20, [1, Number.MAX_SAFE_INTEGER])
  const protocols = options.list('protocol')
  const origins = options.list('origin')
  const path = options.text('path')
  return {
    ...(path !== undefined && { path }),
    origins: origins.length > 0 ? origins : ('*' as const),
    // A browser gives up when it asks for subprotocols and none is chosen.
    ...(protocols.length > 0
      ? { protocols }
      : { protocols: ([first]: HandshakeOffer['protocols']) => first }),
    compress: options.flag('compress'),
    maxMessage: longest,
    maxFrame: longest,
    maxFragments: Infinity,
  }
}

function chaosOf(options: Options): ChaosPlan {
  const isChosen = ACTS.some((act) => options.has(act))
  const chances = Object.fromEntries(
    ACTS.map((act) => [act, isChosen ? chanceOf(options, act) : USUAL[act]] as const),
  ) as Record<Act, number>
  const sum = ACTS.reduce((all, act) => all + chances[act], 0)
  if (sum > 1 + 1e-9) throw new UsageError(`the chances add up to ${Number(sum.toFixed(3))}: more than 1`)
  return {
    seed: options.integer('seed', randomInt(2 ** 32), [0, 2 ** 32 - 1]),
    chances,
    maxDelay: options.integer('max-delay', 500, [1, 3_600_000]),
  }
}

/** `0.1`, or `10%`. */
function chanceOf(options: Options, name: string): number {
  const given = options.text(name)
  if (given === undefined) return 0
  const [, number = '', percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(given) ?? []
  const value = Number(number) / (percent === '%' ? 100 : 1)
  if (number !== '' && value <= 1) return value
  throw new UsageError(`--${name} must be a chance from 0 to 1, or up to 100%, not '${given}'`)
}
