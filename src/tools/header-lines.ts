import { type Options, UsageError } from './command.js'

type Field = readonly [name: string, value: string]

/** Header fields by name; the same name again is another line. It may be any name, `__proto__` too. */
export function fieldsOf(fields: readonly Field[]): Record<string, string[]> {
  const byName = new Map<string, string[]>()
  for (const [name, value] of fields) byName.set(name, [...(byName.get(name) ?? []), value])
  return Object.fromEntries(byName)
}

/** What `--header 'Name: value'` was given. */
export const headerLinesOf = (options: Options): Field[] => options.list('header').map(fieldOf)

function fieldOf(line: string): Field {
  const colon = line.indexOf(':')
  if (colon < 1) throw new UsageError(`--header must be 'Name: value', not '${line}'`)
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
}

/** Name and password of a URL as `Basic` credentials (RFC 7617); undefined where there are none. */
export function basicOf({ username, password }: URL, what: string): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    throw new UsageError(`${what}: name and password must be percent-encoded as UTF-8`)
  }
}
