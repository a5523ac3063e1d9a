// A reporter for node --test that keeps the lines of the summary and nothing else.
const LINE = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

// biome-ignore lint/style/noDefaultExport: this is how a reporter is told
export default async function* summary(events) {
  for await (const { type, data } of events)
    if (type === 'test:diagnostic' && data.nesting === 0 && LINE.test(data.message))
      yield `ℹ ${data.message}\n`
}
