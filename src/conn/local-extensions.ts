import type { Role } from '../frame/rules.js'
import type { ActiveExtension, Extension } from '../protocol/extension.js'

/** Where nothing can be negotiated, only the extensions that need no negotiation are at work. */
export function startLocalExtensions(extensions: readonly Extension[], role: Role): ActiveExtension[] {
  return extensions
    .filter((extension) => extension.offer === undefined && extension.accept === undefined)
    .map((extension) => ({
      name: extension.name,
      rsv: 0,
      params: [],
      codec: extension.start([], role),
      isLocal: true,
    }))
}
