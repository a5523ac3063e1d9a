/**
 * Inputs that once broke a target of `targets.ts`, in hex: they are run before any other. Add what a run prints, and a
 * test beside the code at fault.
 */
export const finds: readonly (readonly [target: string, hex: string])[] = []
