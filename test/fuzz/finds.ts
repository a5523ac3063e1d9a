/**
 * Inputs that once broke a target of `targets.ts` or `wire-targets.ts`, in hex: they are run before any other. Add what a run prints, and a
 * test beside the code at fault.
 */
export const finds: readonly (readonly [target: string, hex: string])[] = [
  // URL.canParse() of Node 20 and 22, compiled, takes this for UTF-8, which would be a URL.
  ['where redirects lead, and with what', '77733ad7af'],
]
