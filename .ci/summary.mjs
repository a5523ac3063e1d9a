// A reporter for node --test that keeps the lines of the summary, and what failed: they are the last that is printed,
// where somebody sees them who sees only the end of a long output.
const LINE = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

// biome-ignore lint/style/noDefaultExport: this is how a reporter is told
export default async function* summary(events) {
  for await (const { type, data } of events) {
    if (type === 'test:fail' && isItself(data)) yield `✖ ${data.name} (${where(data)}): ${reason(data)}\n`
    if (type === 'test:diagnostic' && data.nesting === 0 && LINE.test(data.message))
      yield `ℹ ${data.message}\n`
  }
}

/** A suite fails with each of its tests, and has nothing to add. */
const isItself = ({ details }) => details.error?.failureType !== 'subtestsFailed'

const where = ({ file, line }) => (file === undefined ? 'no file' : line ? `${file}:${line}` : file)

/** The first lines of the error, as one line. */
function reason({ details: { error } }) {
  const text = String(error?.cause?.message ?? error?.message ?? 'no reason')
  return text.split('\n').slice(0, 5).join(' ').trim().slice(0, 500)
}
