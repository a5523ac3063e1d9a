import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { root } from './support/root.js'

/**
 * Every public name. To add one is a minor version, to take one away a major one: change this list on purpose only,
 * and write it into the changelog.
 */
const surface: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  fastws: {
    values: [
      'CloseCode',
      'CloseError',
      'Conn',
      'Frame',
      'HandshakeError',
      'Opcode',
      'ProtocolError',
      'Rsv',
      'WebSocketError',
      'acquireFrame',
      'broadcast',
      'dial',
      'pair',
      'prepare',
      'reject',
      'releaseFrame',
      'upgrade',
    ],
    types: [
      'Accepted',
      'ActiveExtension',
      'Breach',
      'Broadcast',
      'BroadcastCounts',
      'BroadcastOptions',
      'Clock',
      'CloseReport',
      'CloseStatus',
      'CompressOptions',
      'ConnHandler',
      'ConnOptions',
      'ConnStats',
      'ConnectOptions',
      'DiagnosticsEvents',
      'DialOptions',
      'DialRequest',
      'DialResponse',
      'EncodeHints',
      'ErrorCode',
      'ErrorContext',
      'EventHandler',
      'Extension',
      'ExtensionCodec',
      'ExtensionParam',
      'ExtensionParams',
      'FrameInit',
      'Handler',
      'HandshakeOffer',
      'HandshakeRequest',
      'HeaderFields',
      'KeepaliveOptions',
      'Limits',
      'Message',
      'MessageReader',
      'MessageWriter',
      'OverOptions',
      'PairOptions',
      'Prepared',
      'ProxyOptions',
      'RateLimit',
      'ReadOptions',
      'Refusal',
      'RetryingOptions',
      'SendOptions',
      'Sendable',
      'ShutdownOptions',
      'SlowPolicy',
      'TapCoding',
      'TapEvent',
      'TapFrame',
      'TapListener',
      'Upgrade',
      'UpgradeOptions',
      'UpgradeStats',
      'WriteFrameOptions',
    ],
  },
  'fastws/frame': {
    values: [
      'CloseCode',
      'Frame',
      'FrameDecoder',
      'Opcode',
      'ProtocolError',
      'Rsv',
      'Utf8Validator',
      'WebSocketError',
      'acceptFor',
      'acquireFrame',
      'createHandshakeKey',
      'decodeClosePayload',
      'encodeClosePayload',
      'encodeFrame',
      'encodeFrameInto',
      'encodedSize',
      'fixedMask',
      'isControl',
      'isHandshakeKey',
      'isKnownOpcode',
      'isUtf8',
      'mask',
      'mayTravel',
      'opcodeName',
      'releaseFrame',
      'secureMask',
    ],
    types: [
      'CloseStatus',
      'ErrorCode',
      'FrameDecoderOptions',
      'FrameInit',
      'LengthSize',
      'MaskSource',
      'Role',
    ],
  },
}

interface Manifest {
  readonly exports: Readonly<Record<string, { types: string; default: string } | string>>
}

const require = createRequire(import.meta.url)
const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const sorted = (names: Iterable<string>): string[] => [...names].sort()

/** The key in package.json's `exports` for what is imported. */
const entryOf = (specifier: string): string => specifier.replace('fastws', '.')

/** The names that declarations export, values and types; they must all be named. */
function declaredNames(specifier: string): string[] {
  const entry = manifest.exports[entryOf(specifier)]
  assert.ok(typeof entry === 'object')
  const text = readFileSync(join(root, entry.types), 'utf8')
  assert.doesNotMatch(text, /export \*/)
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].map(([, list = '']) => list)
  const names = lists
    .join(',')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return names.map((name) => name.replace(/^type /, '').replace(/^.* as /, ''))
}

test('package.json exports the frozen entries and itself', () => {
  assert.deepEqual(
    sorted(Object.keys(manifest.exports)),
    sorted([...Object.keys(surface).map(entryOf), './package.json']),
  )
})

for (const [specifier, { values, types }] of Object.entries(surface))
  describe(specifier, () => {
    test('import gives the frozen names and no other', async () => {
      assert.deepEqual(sorted(Object.keys(await import(specifier))), sorted(values))
    })

    test('declarations give the frozen names, values and types', () => {
      assert.deepEqual(sorted(declaredNames(specifier)), sorted([...values, ...types]))
    })

    if (process.features.require_module)
      test('require gives the very same module', async () => {
        assert.equal(require(specifier).WebSocketError, (await import(specifier)).WebSocketError)
      })
    else
      test('require says that it needs a newer Node', () => {
        assert.throws(() => require(specifier), { code: 'ERR_REQUIRE_ESM' })
      })
  })

test('what no entry names cannot be imported', async () => {
  const inside = 'fastws/dist/src/frame/header.js'
  await assert.rejects(import(inside), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
})
