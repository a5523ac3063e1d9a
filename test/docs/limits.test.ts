import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, maxHeaderSize } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { planDial } from '../../src/client/plan.js'
import { resolveCompress } from '../../src/conn/compress-options.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { resolveUpgradeOptions } from '../../src/server/options.js'
import { root } from '../support/root.js'
import { declaredOptions, tableAfter } from './markdown.js'

const rows = tableAfter('docs/limits.md', '<!-- limits -->')
const plain = (cell = ''): string => cell.replaceAll('`', '')

/** Not limits, but what goes with one: what happens beyond, and how slow is too slow. */
const ASIDE = ['whenFull', 'whenTooFast', 'minByteRate']

const { keepaliveInterval, keepaliveTimeout, maxControlRate, maxMessageRate, maxByteRate, ...conn } =
  resolveConnOptions()
const { maxRatio, maxContexts } = resolveCompress({})
const { maxConnections, maxMemory, handshakeTimeout } = resolveUpgradeOptions({})
const defaults: Record<string, unknown> = {
  ...conn,
  maxMessageRate: maxMessageRate.rate,
  maxByteRate: maxByteRate.rate,
  maxConnections,
  maxMemory,
  handshakeTimeout,
  timeout: planDial('ws://localhost').timeout,
  'compress.maxRatio': maxRatio,
  'compress.maxContexts': maxContexts,
  'keepalive.interval': keepaliveInterval,
  'keepalive.timeout': keepaliveTimeout,
}

function written(option: string, value: number): string {
  const isTime = /[tT]imeout$|interval$|Lifetime$/.test(option)
  if (value === Infinity || (isTime && value === 0)) return 'no limit'
  if (isTime) return `${value / 1000} s`
  if (!/Bytes$|Message$|Frame$|Mark$/.test(option)) return value.toLocaleString('en')
  return value >= 1 << 20 ? `${value / (1 << 20)} MiB` : `${value / 1024} KiB`
}

describe('docs/limits.md', () => {
  test('lists every limit there is', () => {
    const told = new Set(rows.map(([option]) => plain(option)))
    const named = [
      ...declaredOptions('src/conn/limits.ts', 'Limits').filter((option) => !ASIDE.includes(option)),
      ...['src/server/options.ts UpgradeOptions', 'src/client/options.ts DialOptions']
        .flatMap((place) => declaredOptions(...(place.split(' ') as [string, string])))
        .filter((option) => /^max|[tT]imeout$/.test(option)),
      ...declaredOptions('src/conn/compress-options.ts', 'CompressOptions')
        .filter((option) => ['maxRatio', 'maxContexts'].includes(option))
        .map((option) => `compress.${option}`),
      'keepalive.interval',
      'keepalive.timeout',
    ]
    assert.ok(named.length > 20)
    assert.deepEqual([...told].sort(), named.sort())
  })

  test('tells the true defaults', () => {
    for (const [option, told] of rows) {
      const name = plain(option)
      if (name === 'maxControlRate')
        assert.equal(told, `${maxControlRate.rate}, ${maxControlRate.burst} at once`)
      else assert.equal(told, written(name, defaults[name] as number), name)
    }
    assert.equal(conn.minByteRate, 500)
  })

  test('tells what Node has by default', async () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, maxHeadersCount } = createServer()
    assert.deepEqual([headersTimeout, requestTimeout, keepAliveTimeout], [60_000, 300_000, 5000])
    assert.equal(maxHeadersCount ?? 2000, 2000)
    assert.equal(maxHeaderSize, 16 << 10)
    const told = tableAfter('docs/limits.md', '### Before a request is ours').map(([, value]) => value)
    assert.deepEqual(told, ['60 s', '5 min', '30 s', '5 s', '16 KiB', '2,000', '2 min', 'no limit'])
  })

  test('tells what cannot be set', () => {
    const fixed = tableAfter('docs/limits.md', '<!-- fixed limits -->')
    assert.equal(fixed.length, FIXED.length)
    for (const [i, [file, constant, told]] of FIXED.entries()) {
      assert.ok(readFileSync(join(root, file), 'utf8').includes(`${constant}\n`), `${file}: ${constant}`)
      assert.ok(fixed[i]?.[1]?.includes(told), `${fixed[i]?.[0]}: ${told}`)
    }
  })
})

/** What stands in the sources, and what is told of it; in the order of the table. */
const FIXED: readonly (readonly [file: string, constant: string, told: string])[] = [
  ['src/frame/header.ts', 'MAX_CONTROL_PAYLOAD = 125', '125 bytes'],
  ['src/errors.ts', 'MAX_REASON = 123', '123 bytes'],
  ['src/node/inflater.ts', 'MAX_FINAL_BLOCKS = 64', '64'],
  ['src/conn/inbox.ts', 'MAX_CONTROL_FRAMES = 64', '64'],
  ['src/deflate/decompressor.ts', 'RATIO_COUNTS_FROM = 64 << 10', '64 KiB'],
  ['src/frame/claim.ts', 'BELIEVED_LENGTH = 64 << 10\nconst BELIEVED_TIMES = 16', '64 KiB, or 16 times'],
  ['src/node/zlib-turns.ts', 'MAX_AT_ONCE = 3', '3 at once'],
  ['src/deflate/pool.ts', 'MAX_IDLE = 4', '4'],
  ['src/node/fair-turns.ts', 'BUDGET = 0.1', '0.1 ms'],
  ['src/node/end-gently.ts', 'LINGER = 2_000', '2 s'],
  ['src/server/print-breaches.ts', 'QUIET_FOR = 60_000', 'one a minute'],
  ['src/client/http-response.ts', 'MAX_HEAD_BYTES = 16 << 10', '16 KiB'],
  ['src/client/http-response.ts', 'MAX_HEAD_LINES = 128', '128'],
  ['src/client/http-response.ts', 'MAX_INTERIM = 8', '8'],
  ['src/client/exchange.ts', 'BODY_TIMEOUT = 2_000', '2 s'],
  ['src/client/http-body.ts', 'MAX_BODY_BYTES = 64 << 10', '64 KiB'],
  ['src/client/http-body.ts', 'MAX_CHUNK_LINE = 256', '256 bytes'],
  ['src/client/retrying.ts', 'MAX_RETRY_AFTER = 3_600_000', '1 hour'],
]
