/** One metric of a page in the text format of Prometheus, version 0.0.4. */
export interface Family {
  readonly type: string
  readonly help: string
  /** Values by the series as it is written: `name{label="value"}`. */
  readonly series: ReadonlyMap<string, number>
}

const HELP = /^# HELP ([a-zA-Z_:][\w:]*) (.*)$/
const TYPE = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/
const LABEL = /[a-zA-Z_]\w*="(?:[^"\\\n]|\\\\|\\"|\\n)*"/.source
const SERIES = new RegExp(
  `^(([a-zA-Z_:][\\w:]*)(?:\\{${LABEL}(?:,${LABEL})*\\})?) (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|NaN|[+-]Inf)$`,
)

interface Reading {
  name: string
  type: string
  help: string
  series: Map<string, number>
}

/** Reads a page as strictly as the format is written down; throws for anything else. */
export function readExposition(page: string): Map<string, Family> {
  if (!page.endsWith('\n')) throw new Error('The last line does not end')
  const families = new Map<string, Reading>()
  let current: Reading = { name: '', type: '', help: '', series: new Map() }
  for (const line of page.slice(0, -1).split('\n')) {
    const help = HELP.exec(line)
    if (help === null) readLine(line, current)
    else {
      current = { name: help[1]!, type: '', help: help[2]!, series: new Map() }
      if (families.has(current.name)) throw new Error(`${current.name} comes twice`)
      families.set(current.name, current)
    }
  }
  return families
}

/** A line of the metric whose HELP was read: its type, once and first, or a sample. */
function readLine(line: string, family: Reading): void {
  const type = TYPE.exec(line)
  if (type !== null && type[1] === family.name && family.type === '') {
    family.type = type[2]!
    return
  }
  const [, written = '', name = '', value = ''] = SERIES.exec(line) ?? []
  const base = family.type === 'histogram' ? name.replace(/_(?:bucket|sum|count)$/, '') : name
  if (name === '' || family.type === '' || base !== family.name) throw new Error(`Not in the format: ${line}`)
  if (family.series.has(written)) throw new Error(`${written} comes twice`)
  family.series.set(written, Number(value.replace('Inf', 'Infinity')))
}
