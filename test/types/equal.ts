/** `true` when two types are the same one, `false` when they merely fit each other. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for `Expect<Equal<…, …>>` that holds. */
export type Expect<T extends true> = T
