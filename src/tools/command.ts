import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Input, Output } from './output.js'

/** One option of a command, as it is parsed and as `--help` shows it. */
export interface OptionSpec {
  /** What stands for the value in the help text; left out for a flag. */
  readonly value?: string
  readonly multiple?: boolean
  /** One letter that stands for it, as in `-H`. */
  readonly short?: string
  readonly help: string
}

/** What a command is called with. */
export interface Call {
  readonly positionals: readonly string[]
  readonly options: Options
  readonly output: Output
  /** What is typed or piped in; nobody but the command reads it. */
  readonly input: () => Input
}

/** One command of the program. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What can stand behind the name, one line each. */
  readonly usage: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Whatever else `--help` should tell. */
  readonly notes: readonly string[]
  /** Resolves with the exit code; throws a `UsageError` when the call makes no sense. */
  readonly run: (call: Call) => Promise<number>
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Options that every command has. */
const COMMON: Readonly<Record<string, OptionSpec>> = {
  json: { help: 'print results as lines of JSON' },
  help: { help: 'print this' },
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

/** The options that were given, each asked for by the kind of its value. */
export class Options {
  readonly #values: Values

  constructor(values: Values) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  list(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  /** A whole number in a range; `byDefault` when the option was not given. */
  integer(name: string, byDefault: number, [least, most]: readonly [number, number]): number {
    const given = this.text(name)
    if (given === undefined) return byDefault
    const value = Number(given)
    if (given.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value
    throw new UsageError(`--${name} must be an integer from ${least} to ${most}, not '${given}'`)
  }
}

/** Parses what stands behind the name of a command. */
export function parseCall(command: Command, args: readonly string[]): Omit<Call, 'output' | 'input'> {
  const config: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, { value, multiple = false, short }] of Object.entries({ ...command.options, ...COMMON }))
    config[name] = { type: value === undefined ? 'boolean' : 'string', multiple, ...(short && { short }) }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: config,
      allowPositionals: true,
    })
    return { positionals, options: new Options(values) }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The text of `--help`. */
export function helpFor({ name, summary, usage, options, notes }: Command): readonly string[] {
  const rows = Object.entries({ ...options, ...COMMON }).map(
    ([option, { value, short, help }]) =>
      [`${short ? `-${short}, ` : ''}--${option}${value === undefined ? '' : ` ${value}`}`, help] as const,
  )
  return [
    `fastws ${name}: ${summary}`,
    '',
    ...usage.map((line, i) => `${i === 0 ? 'Usage:' : '      '} fastws ${name} ${line}`),
    '',
    'Options:',
    ...columns(rows),
    '',
    ...notes,
  ]
}

/** Two columns, the first as wide as it has to be. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
