import { type Call, type Command, UsageError } from '../command.js'
import { Exit, type Output } from '../output.js'
import { casesFor } from './cases/index.js'
import type { HeaderEdit } from './http-head.js'
import type { Target } from './open-client.js'
import { serverPeer } from './server-peer.js'
import { runAll } from './run-all.js'
import { selectCases } from './select.js'
import { SETTINGS, type Settings } from './settings.js'
import type { CaseResult } from './verdict.js'

export const checkCommand: Command = {
  name: 'check',
  summary: 'holds a WebSocket server or client against the RFC',
  usage: ['URL [options]', '--serve PORT [options]'],
  options: {
    cases: { value: 'LIST', help: 'which cases, as in 1.*,7.3.* or *,!9.*; default all' },
    parallel: { value: 'N', help: 'cases at the same time; default 10' },
    timeout: { value: 'MS', help: 'for whatever must come; default 5000' },
    header: { value: 'LINE', multiple: true, help: "a header for the handshake, as in 'Cookie: a=b'" },
    insecure: { help: 'take any certificate' },
  },
  run: async ({ positionals, options, output }) => {
    const [url] = positionals
    if (url === undefined || positionals.length > 1) throw new UsageError('one URL is needed, or --serve PORT')
    const target: Target = {
      url: new URL(url),
      headers: {},
      insecure: options.flag('insecure'),
    }
    const cases = selectCases(casesFor('server'), options.text('cases') ?? '*')
    const settings = { ...SETTINGS, timeout: options.integer('timeout', SETTINGS.timeout, [1, 600_000]) }
    const results = await runAll(
      cases,
      serverPeer(target, settings),
      {
        settings,
        parallel: options.integer('parallel', 10, [1, 1000]),
        signal: output.closed,
        onResult: (r) => {
          if (options.flag('json')) output.json(r)
          else if (r.behavior !== 'OK') output.line(`${r.id} ${r.behavior} ${r.behaviorClose} ${r.remarks.join('; ')}`)
        },
      },
    )
    const counts = new Map<string, number>()
    for (const r of results) counts.set(r.behavior, (counts.get(r.behavior) ?? 0) + 1)
    output.line([...counts].map(([k, v]) => `${k} ${v}`).join('  '))
    return Exit.Ok
  },
}
