import type { Role } from '../frame/rules.js'
import type { ActiveExtension, Extension, ExtensionParams } from '../protocol/extension.js'

/**
 * Where nothing can be negotiated, the extensions that need no negotiation are at work, and those that say what both
 * sides are taken to have agreed on.
 */
export function startLocalExtensions(extensions: readonly Extension[], role: Role): ActiveExtension[] {
  return extensions.flatMap((extension) => {
    const isLocal = extension.offer === undefined && extension.accept === undefined
    const params = isLocal ? NO_PARAMS : extension.assume?.()
    if (params === undefined) return []
    const rsv = isLocal ? 0 : (extension.rsv ?? 0)
    return [{ name: extension.name, rsv, params, codec: extension.start(params, role), isLocal }]
  })
}

const NO_PARAMS: ExtensionParams = Object.freeze([])
