/** Fills the pane with everything that is known of one row. */
export function showDetails(pane, { title, facts, faults, blocks }) {
  const list = element('dl')
  for (const [name, value] of facts) list.append(element('dt', name), element('dd', value))
  pane.replaceChildren(
    element('h2', title),
    ...faults.map((fault) => element('p', fault, 'fault')),
    list,
    ...blocks.flatMap(([heading, text]) => [
      ...(heading ? [element('h3', heading)] : []),
      block(heading, text),
    ]),
  )
  pane.scrollTop = 0
}

export function showGone(pane) {
  pane.replaceChildren(element('p', 'This is not kept any more: too much has come since.', 'hint'))
}

/** Blocks whose lines may be broken; bytes stand in columns. */
const PROSE = ['Text', 'Reason', 'Headers']

/** What is long can be scrolled, by keyboard too. */
function block(heading, text) {
  const pre = element('pre', text, PROSE.includes(heading) ? 'prose' : '')
  pre.tabIndex = 0
  return pre
}

function element(name, text = '', className = '') {
  const made = document.createElement(name)
  made.textContent = text
  made.className = className
  return made
}
