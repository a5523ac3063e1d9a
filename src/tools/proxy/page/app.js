// What is shown comes from strangers: it is only ever set as text.
import { showDetails, showGone } from './details.js'
import { Table } from './table.js'

const byId = (id) => document.getElementById(id)
const table = new Table(byId('rows'), byId('list'), choose)
const known = new Set()
let socket
let isPaused = false
/** Rows that came while the table stood still; the latest ones. */
let held = []
let missed = 0
let chosen

function connect() {
  const url = new URL('feed', location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  socket = new WebSocket(url)
  socket.onmessage = ({ data }) => receive(JSON.parse(data))
  socket.onclose = () => {
    setStatus('the proxy has ended')
    setTimeout(connect, 2000)
  }
}

function receive(message) {
  if (message.type === 'hello') {
    byId('route').textContent = `${message.listen} → ${message.target}`
    clear()
    add(message.rows)
  } else if (message.type === 'rows') {
    missed += message.skipped
    if (isPaused) held = held.concat(message.rows).slice(-table.limit)
    else add(message.rows)
  } else if (message.id === chosen) {
    if (message.details) showDetails(byId('details'), message.details)
    else showGone(byId('details'))
  }
  report()
}

function add(rows) {
  for (const { conn } of rows) addConn(conn)
  table.add(rows)
}

/** Each connection can be chosen; only the latest ones, as there may be thousands. */
function addConn(conn) {
  if (known.has(conn)) return
  known.add(conn)
  byId('conn').append(new Option(`#${conn}`, String(conn)))
  if (known.size <= 200) return
  const [, oldest] = byId('conn').options
  known.delete(Number(oldest.value))
  oldest.remove()
}

function choose(id) {
  chosen = id
  if (socket.readyState === WebSocket.OPEN) socket.send(String(id))
}

function clear() {
  table.clear()
  held = []
  missed = 0
  chosen = undefined
  known.clear()
  byId('conn').length = 1
  filter()
  report()
}

function filter() {
  table.filter({
    text: byId('text').value.toLowerCase(),
    opcode: byId('opcode').value,
    direction: byId('direction').value,
    conn: byId('conn').value,
  })
  report()
}

function report() {
  byId('empty').hidden = table.count > 0
  const words = [`${table.shown} of ${table.count} shown`]
  if (isPaused) words.push(`paused, ${held.length} wait`)
  if (missed > 0) words.push(`${missed} left out: this page was slow`)
  setStatus(words.join(' · '))
}

const setStatus = (text) => {
  byId('status').textContent = text
}

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused
  byId('pause').setAttribute('aria-pressed', String(isPaused))
  byId('pause').textContent = isPaused ? 'Resume' : 'Pause'
  if (!isPaused) {
    add(held)
    held = []
  }
  report()
})
byId('clear').addEventListener('click', clear)
byId('tools').addEventListener('input', filter)
byId('tools').addEventListener('submit', (event) => event.preventDefault())
connect()
