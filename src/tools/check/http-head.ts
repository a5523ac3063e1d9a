/** Heads of HTTP messages as they stand on the wire: nothing is joined, sorted or mended. */
export interface Head {
  /** The first line. */
  readonly line: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

/** Header lines to put in: a list repeats the line, undefined leaves out one that would be there. */
export type HeaderEdit = Readonly<Record<string, string | readonly string[] | undefined>>

const END = '\r\n\r\n'

/** The head at the beginning of these bytes, and where it ends; undefined when it is not whole yet. */
export function parseHead(bytes: Buffer): { head: Head; end: number } | undefined {
  const end = bytes.indexOf(END)
  if (end < 0) return undefined
  const [line = '', ...rest] = bytes.toString('latin1', 0, end).split('\r\n')
  const fields = rest.map((field) => {
    const colon = field.indexOf(':')
    return [field.slice(0, Math.max(0, colon)), field.slice(colon + 1).trim()] as const
  })
  return { head: { line, fields }, end: end + END.length }
}

/** Every value of a header. */
export const valuesOf = ({ fields }: Head, name: string): string[] =>
  fields.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value)

/** The members of a header that is a list, in lower case. */
export const tokensOf = (head: Head, name: string): string[] =>
  valuesOf(head, name)
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== '')

/** The status of a response; NaN for what is none. */
export const statusOf = ({ line }: Head): number => Number(line.split(' ')[1])

/** Fields with others among them: what is edited takes the place of what has the same name, in whatever case. */
export function edited(fields: HeaderEdit, edit: HeaderEdit = {}): HeaderEdit {
  const names = new Set(Object.keys(edit).map((name) => name.toLowerCase()))
  const kept = Object.entries(fields).filter(([name]) => !names.has(name.toLowerCase()))
  return Object.fromEntries([...kept, ...Object.entries(edit)])
}

/** What an edit puts in for a name, in whatever case. */
export const putIn = (edit: HeaderEdit, name: string): string[] =>
  Object.entries(edit)
    .filter(([one]) => one.toLowerCase() === name.toLowerCase())
    .flatMap(([, value]) => value ?? [])

/** The bytes of a head. */
export function encodeHead(line: string, fields: HeaderEdit): Buffer {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  )
  return Buffer.from(`${[line, ...lines].join('\r\n')}${END}`, 'latin1')
}
