import { outOfRange, wrongType } from '../errors.js'

/** A number of bytes; Infinity for no limit. */
export function size(name: string, value: number | undefined, byDefault: number): number {
  return integer(name, value ?? byDefault, 0)
}

export function count(name: string, value: number | undefined, byDefault: number): number {
  return integer(name, value ?? byDefault, 1)
}

function integer(name: string, value: number, least: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return value
  throw outOfRange(name, `an integer >= ${least}, or Infinity`, value)
}

/** Longest delay a timer can take. */
const MAX_DELAY = 2 ** 31 - 1

/** A checked number of milliseconds; 0 stands for "no limit". */
export function milliseconds(name: string, value: number | undefined, byDefault: number): number {
  const given = value ?? byDefault
  if (typeof given !== 'number') throw wrongType(name, 'a number of milliseconds', given)
  if (!(given >= 0 && given <= MAX_DELAY)) throw outOfRange(name, `between 0 and ${MAX_DELAY}`, given)
  return given
}

export function flag(name: string, value: boolean | undefined, byDefault: boolean): boolean {
  const given = value ?? byDefault
  if (typeof given !== 'boolean') throw wrongType(name, 'a boolean', given)
  return given
}

export function fn<F extends (...args: never[]) => unknown>(
  name: string,
  value: F | undefined,
  byDefault: F,
): F {
  const given = value ?? byDefault
  if (typeof given !== 'function') throw wrongType(name, 'a function', given)
  return given
}

export function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) throw wrongType(name, allowed.map((word) => `'${word}'`).join(' or '), value)
  return value
}
