// Puts the parts together: what comes over the connection goes to the part of the page that shows it.
import { Board } from './board.js'
import { Chat } from './chat.js'
import { Connection } from './connection.js'
import { $, forgetColors, memory } from './dom.js'
import { Presence } from './presence.js'
import { Wire } from './wire.js'

let room = decodeURIComponent(location.hash.slice(1)) || 'lobby'
$('name').value = memory.get('name') ?? ''

const connection = new Connection(() => ({ name: $('name').value, room }))
const wire = new Wire()
const board = new Board((cells) => connection.send(cells))
const presence = new Presence((state) => connection.send({ type: 'state', state }))
const chat = new Chat({
  onSay(text) {
    if (!connection.isOpen) return false
    connection.send({ type: 'say', text })
    presence.spoke()
    return true
  },
  onJoin: (name) => connection.send({ type: 'join', room: name }),
})

const news = {
  welcome(welcome) {
    room = welcome.room
    history.replaceState(null, '', `#${encodeURIComponent(room)}`)
    board.welcome(welcome.board)
    chat.welcome(welcome)
    if (presence.state !== 'here') connection.send({ type: 'state', state: presence.state })
  },
  people(told) {
    chat.people(told.people)
  },
  rooms: ({ rooms }) => chat.rooms(rooms),
  said: (said) => chat.said(said),
  note: ({ text }) => chat.note(text),
  pinged({ ms }) {
    $('ping').textContent = `Ping: ${ms.toFixed(1)} ms`
  },
}

connection.addEventListener('message', ({ detail }) => {
  if (typeof detail !== 'string') return board.apply(new Uint8Array(detail))
  const told = JSON.parse(detail)
  return news[told.type]?.(told)
})
connection.addEventListener('frame', ({ detail }) => wire.add(detail))

let countdown
connection.addEventListener('state', ({ detail: { state, wait, code, reason } }) => {
  clearInterval(countdown)
  $('status').dataset.state = state
  $('retry').hidden = state !== 'waiting'
  for (const id of ['ping', 'cut']) $(id).disabled = state !== 'open'
  $('form').querySelector('button').disabled = state !== 'open'
  if (state === 'open') tell('Connected')
  if (state === 'connecting') $('ping').textContent = 'Ping'
  if (state === 'connecting') tell('Connecting …')
  if (state !== 'waiting') return
  const until = performance.now() + wait
  const why = reason || `closed with ${code}`
  const say = () => tell(`Lost: ${why}. Next try in ${Math.ceil((until - performance.now()) / 1000)} s`)
  say()
  countdown = setInterval(say, 1000)
})

function tell(text) {
  $('status-text').textContent = text
}

$('retry').addEventListener('click', () => connection.retry())
$('ping').addEventListener('click', () => connection.send({ type: 'ping' }))
$('cut').addEventListener('click', () => connection.send({ type: 'cut' }))
$('name').addEventListener('change', ({ target }) => {
  memory.set('name', target.value)
  connection.send({ type: 'name', name: target.value })
})
addEventListener('hashchange', () => {
  const wanted = decodeURIComponent(location.hash.slice(1))
  if (wanted !== room) connection.send({ type: 'join', room: wanted })
})

// On narrow screens one part at a time is shown.
$('views').addEventListener('click', ({ target }) => {
  const view = target.closest('button')?.dataset.view
  if (view === undefined) return
  document.body.dataset.view = view
  for (const button of $('views').children) {
    if (button.dataset.view === view) button.setAttribute('aria-current', 'true')
    else button.removeAttribute('aria-current')
  }
  redraw()
})

const dark = matchMedia('(prefers-color-scheme: dark)')
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? 'dark' : 'light')) === 'dark'

/** Canvases do not follow the style sheet by themselves. */
function redraw() {
  forgetColors()
  $('theme').setAttribute('aria-pressed', String(isDark()))
  board.draw()
  wire.draw()
}

$('theme').addEventListener('click', () => {
  document.documentElement.dataset.theme = isDark() ? 'light' : 'dark'
  redraw()
})
dark.addEventListener('change', redraw)
redraw()

void connection.open()
