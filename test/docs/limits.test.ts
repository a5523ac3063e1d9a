import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planDial } from '../../src/client/plan.js'
import { resolveCompress } from '../../src/conn/compress-options.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { resolveUpgradeOptions } from '../../src/server/options.js'
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
})
