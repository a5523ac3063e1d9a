/** Style and script of the page. What peers sent is only ever set as text. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem; }
h1 { font-size: 1.3rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
.counts { display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0 1rem; }
.counts span, .verdict { padding: .1rem .5rem; color: #111; }
.group { display: flex; gap: .8rem; align-items: baseline; margin: .15rem 0; }
.group > span { flex: 0 0 22rem; overflow-wrap: anywhere; }
.cells { display: flex; flex-wrap: wrap; gap: 2px; }
.cells button { min-width: 3.6rem; min-height: 1.5rem; border: 0; padding: .1rem .3rem; font: inherit; font-size: .8rem;
  color: #111; cursor: pointer; }
button:focus-visible { outline: 3px solid #06f; outline-offset: 1px; }
.OK { background: #8d8; } .INFORMATIONAL { background: #9cf; } .NON-STRICT { background: #fd6; }
.UNIMPLEMENTED { background: #ccc; } .FAILED { background: #f88; }
.cells .INFORMATIONAL::before { content: 'i '; } .cells .NON-STRICT::before { content: '~ '; }
.cells .UNIMPLEMENTED::before { content: '– '; } .cells .FAILED::before { content: '✗ '; }
.unclean { text-decoration: underline wavy; }
aside { position: fixed; right: 0; top: 0; bottom: 0; width: min(46rem, 100%); box-sizing: border-box; overflow: auto;
  background: Canvas; border-left: 1px solid GrayText; padding: 1rem; }
aside > button { font: inherit; padding: .3rem 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
pre span { display: block; padding-left: 15ch; text-indent: -15ch; }
.sent { color: #06a; } .received { color: #a30; }
@media (prefers-color-scheme: dark) { .sent { color: #6bf; } .received { color: #fa7; } }
@media (max-width: 50rem) {
  body { margin: 1rem; }
  .group { display: block; margin: .6rem 0; }
  .cells { margin-top: .2rem; }
  pre span { padding-left: 2ch; text-indent: -2ch; }
}
`

export const PAGE_SCRIPT = `
const data = JSON.parse(document.getElementById('data').textContent)
const details = document.getElementById('details')
const make = (name, text, className) => {
  const element = document.createElement(name)
  if (text !== undefined) element.textContent = text
  if (className) element.className = className
  return element
}
const list = (title, lines) => lines.length ? [make('h3', title), ...lines.map((line) => make('div', line))] : []
const arrows = { sent: '>', received: '<', note: '*' }
const cells = new Map()
let shown
function show(cell, one, result) {
  const close = make('button', 'close')
  close.onclick = hide
  const log = make('pre')
  for (const { at, direction, text } of result.log)
    log.append(make('span', at.toFixed(1).padStart(9) + ' ms ' + arrows[direction] + ' ' + text, direction))
  const verdict = result.behavior + ', closed: ' + result.behaviorClose +
    (result.remoteCloseCode === null ? '' : ' (' + result.remoteCloseCode + ')') + ', ' + result.duration + ' ms'
  details.replaceChildren(close, make('h2', one.id + ' ' + one.description),
    make('p', verdict, 'verdict ' + result.behavior),
    ...list('What was found', result.remarks), ...list('The case', one.script), make('h3', 'On the wire'), log)
  details.hidden = false
  details.scrollTop = 0
  shown = cell
  close.focus()
}
function hide() {
  if (details.hidden) return
  details.hidden = true
  history.replaceState(null, '', ' ')
  shown.focus()
}
const follow = () => {
  const open = cells.get(decodeURIComponent(location.hash.slice(1)))
  if (open) open()
  else hide()
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') hide() })
addEventListener('hashchange', follow)
for (const { agent, counts, results } of data.agents) {
  const byId = new Map(results.map((result) => [result.id, result]))
  const section = make('section')
  const sums = make('div', undefined, 'counts')
  for (const [behavior, count] of counts) sums.append(make('span', count + ' ' + behavior, behavior))
  section.append(make('h2', agent), sums)
  for (const group of data.groups) {
    const row = make('div', undefined, 'cells')
    for (const one of group.cases) {
      const result = byId.get(one.id)
      if (!result) continue
      const unclean = result.behaviorClose !== 'OK' && result.behavior !== 'UNIMPLEMENTED'
      const cell = make('button', one.id, result.behavior + (unclean ? ' unclean' : ''))
      cell.setAttribute('aria-label', one.id + ' ' + result.behavior + (unclean ? ', unclean' : ''))
      cell.id = result.anchor
      cell.title = one.description + ': ' + result.behavior
      cell.onclick = () => {
        if (location.hash === '#' + result.anchor) show(cell, one, result)
        else location.hash = result.anchor
      }
      cells.set(result.anchor, () => show(cell, one, result))
      row.append(cell)
    }
    if (row.childElementCount === 0) continue
    const line = make('div', undefined, 'group')
    line.append(make('span', group.id + ' ' + group.title), row)
    section.append(line)
  }
  document.getElementById('agents').append(section)
}
follow()
`
