import { type Call, type Command, type Options, UsageError } from '../command.js'
import { anyAborted, interruptible } from '../interrupt.js'
import { Exit, type Output } from '../output.js'
import { authorityOf, type Endpoint, parseEndpoint, parseTarget, type Target } from './endpoint.js'
import { HarRecorder } from './har.js'
import { type FileSettings, LineRecorder } from './recorder.js'
import { Screen } from './screen.js'
import { type RunningProxy, startProxy } from './server.js'
import { closeAll, type Sink, Sinks } from './sink.js'
import { startWeb, type Web, type WebSettings } from './web.js'

export const proxyCommand: Command = {
  name: 'proxy',
  summary: 'stands between a client and a server, and shows every frame',
  usage: ['LISTEN TARGET [options]  as in: 9000 ws://localhost:8080'],
  options: {
    record: {
      value: 'FILE',
      multiple: true,
      help: 'record everything: as HAR when it ends in .har, else as lines of JSON; may be repeated',
    },
    web: { value: 'PORT', help: 'show everything on a page, too; PORT or HOST:PORT' },
    long: { help: 'show frames byte by byte' },
    shown: { value: 'N', help: 'bytes of each payload that are shown; default 64, or 256 with --long' },
    quiet: { help: 'print no frames' },
    rewrite: { help: 'put the target into Host and Origin; else every byte goes through as it is' },
    insecure: { help: 'take any certificate of the target' },
    'max-frame': { value: 'BYTES', help: 'longer payloads and messages go through unseen; default 16777216' },
  },
  notes: [
    'LISTEN is PORT (on this machine alone) or HOST:PORT; port 0 takes a free one. > is what the client sends, < what the',
    'server sends; what breaks a rule is marked with !. A slow side slows the other one, and so does a recording that',
    'cannot keep up. Ctrl+C ends it. Exit code 1: something could not be recorded.',
  ],
  run: async (call) => {
    const [listen, target, ...more] = call.positionals
    if (listen === undefined || target === undefined || more.length > 0)
      throw new UsageError('two addresses are needed: where to listen, and where to connect')
    return runProxy(call, parseEndpoint('LISTEN', listen), parseTarget(target))
  },
}

async function runProxy({ options, output }: Call, listen: Endpoint, target: Target): Promise<number> {
  const sinks: Sink[] = []
  return interruptible(async (interrupted) => {
    try {
      const { close } = await openProxy({ options, output, listen, target, sinks })
      await anyAborted(interrupted, output.closed)
      await close()
    } catch (error) {
      await closeAll(sinks)
      throw error
    }
    return (await closeAll(sinks)) ? Exit.Ok : Exit.Failed
  })
}

interface Opening extends Pick<Call, 'options' | 'output'> {
  readonly listen: Endpoint
  readonly target: Target
  /** What is opened on the way: it is to be closed, however this ends. */
  readonly sinks: Sink[]
}

async function openProxy({ options, output, listen, target, sinks }: Opening): Promise<RunningProxy> {
  const note = (text: string): void => output.note(text)
  const started = new Date()
  const begin = performance.now()
  const url = `${target.isSecure ? 'wss' : 'ws'}://${target.authority}`
  const maxFrame = options.integer('max-frame', 16 << 20, [0, 256 << 20])
  sinks.push(...screensOf(options, output))
  for (const path of options.list('record')) sinks.push(recorderOf({ path, started, target: url, note }))
  let here = authorityOf(listen)
  const web = await webOf(options, () => ({ listen: here, target: url }))
  sinks.push(...web)
  const proxy = await startProxy({
    listen,
    target,
    maxFrame,
    rewrites: options.flag('rewrite'),
    insecure: options.flag('insecure'),
    now: () => performance.now() - begin,
    sinks: new Sinks(sinks, note),
    note,
  })
  here = proxy.authority
  note(`listening on ${here}, for ${url}`)
  for (const page of web) note(`open ${page.url} to look on`)
  return proxy
}

async function webOf(options: Options, title: WebSettings['title']): Promise<Web[]> {
  const address = options.text('web')
  if (address === undefined) return []
  return [await startWeb({ listen: parseEndpoint('--web', address), title })]
}

function screensOf(options: Options, output: Output): Sink[] {
  if (options.flag('quiet')) return []
  const shown = options.has('shown') ? options.integer('shown', 0, [0, 1 << 30]) : undefined
  return [new Screen({ output, isJson: options.flag('json'), isLong: options.flag('long'), shown })]
}

function recorderOf(file: FileSettings): Sink {
  try {
    return file.path.endsWith('.har') ? new HarRecorder(file) : new LineRecorder(file)
  } catch (error) {
    throw new UsageError(`--record: ${(error as Error).message}`)
  }
}
