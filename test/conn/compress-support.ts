import assert from 'node:assert/strict'
import type { CompressOptions } from '../../src/conn/compress-options.js'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { CloseError, type WebSocketError } from '../../src/errors.js'
import type { Role } from '../../src/frame/rules.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import { type LineOptions, onLine } from './support.js'

/** Both directions keep their context. */
export const TAKEOVER: CompressOptions = { serverNoContextTakeover: false, clientNoContextTakeover: false }

/** Compression as if it had been agreed on with a peer of the same options. */
export function compression(compress: CompressOptions, role: Role = 'server'): readonly ActiveExtension[] {
  return startLocalExtensions(resolveConnOptions({ compress }).extensions, role)
}

export interface PackedLineOptions extends LineOptions {
  readonly compress?: CompressOptions
}

/** A connection over a line that compresses everything, unless told otherwise. */
export function onPackedLine(options: PackedLineOptions = {}): ReturnType<typeof onLine> {
  const { compress = {}, ...rest } = options
  return onLine({ ...rest, active: compression({ threshold: 0, ...compress }, options.role) })
}

/** For `assert.rejects`: the connection was closed with this code, for this reason. */
export const endsWith =
  (code: number, cause: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof CloseError)
    assert.deepEqual([error.code, (error.cause as WebSocketError).code], [code, cause])
    return true
  }
