/** The results for people: one page that needs nothing else. */
import { escapeControls } from '../escape.js'
import { GROUPS } from './cases/index.js'
import { PAGE_SCRIPT, PAGE_STYLE } from './page-parts.js'
import { anchorOf, countsOf } from './report.js'
import { scriptInWords } from './run-case.js'
import type { Session } from './session.js'

/** Lines stay lines; what could turn a text around, or hide in it, is told by its number. */
const visible = (text: string): string => text.split(/\r?\n/).map(escapeControls).join('\n')

/** What the page shows; its script makes a grid of it. */
function dataOf(session: Session): unknown {
  const played = new Set(session.cases.map(({ id }) => id))
  return {
    agents: session.agents.map((agent) => {
      const results = session.results(agent)
      return {
        agent: visible(agent),
        counts: [...countsOf(results)],
        results: results.map((result) => ({
          ...result,
          anchor: anchorOf(session, agent, result.id),
          remarks: result.remarks.map(visible),
          log: result.log.map((entry) => ({ ...entry, text: visible(entry.text) })),
        })),
      }
    }),
    groups: GROUPS.map(({ id, title, cases }) => ({
      id,
      title,
      cases: cases
        .filter((one) => played.has(one.id))
        .map((one) => ({ id: one.id, description: one.description, script: scriptInWords(one) })),
    })).filter(({ cases }) => cases.length > 0),
  }
}

/** Inside a script element, only `<` can do harm. */
const embed = (data: unknown): string => JSON.stringify(data).replaceAll('<', '\\u003c')

export const pageOf = (session: Session): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>fastws check</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>fastws check</h1>
<main id="agents"></main>
<aside id="details" hidden></aside>
<script type="application/json" id="data">${embed(dataOf(session))}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`
