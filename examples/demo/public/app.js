// Puts the parts together: what comes over the connection goes to the part of the page that shows it.
import { Board } from './board.js'
import { Chat } from './chat.js'
import { Connection } from './connection.js'
import { $, forgetColors, memory } from './dom.js'
import { Presence } from './presence.js'
import { Wire } from './wire.js'

let room = roomInHash()
/** The room that the server was told of when it was connected to. */
let asked
$('name').value = memory.get('name') ?? ''

const connection = new Connection(() => {
  asked = room
  return { name: $('name').value, room }
})
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
  onJoin: join,
})

/** The room that the address names; what is no name of a room leads to the lobby. */
function roomInHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || 'lobby'
  } catch {
    return 'lobby'
  }
}

/** Goes to a room: now, or with the next connection. */
function join(name) {
  if (name === room) return
  room = name
  if (connection.isOpen) connection.send({ type: 'join', room })
  else chat.note(`You enter the ${room} with the next connection`)
}

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

const STATES = { connecting: 'Connecting …', open: 'Connected' }
let countdown
connection.addEventListener('state', ({ detail: { state, wait, code, reason } }) => {
  clearInterval(countdown)
  $('status').dataset.state = state
  $('retry').hidden = state !== 'waiting'
  for (const id of ['ping', 'cut']) $(id).disabled = state !== 'open'
  $('form').querySelector('button').disabled = state !== 'open'
  if (state === 'connecting') $('ping').textContent = 'Ping'
  if (state === 'open' && room !== asked) connection.send({ type: 'join', room })
  // Once for each state, as it is read out; what changes every second stands beside it.
  $('status-text').textContent = STATES[state] ?? `Lost: ${reason || `closed with ${code}`}.`
  $('countdown').textContent = ''
  if (state !== 'waiting') return
  const until = performance.now() + wait
  const count = () => {
    const left = Math.round(until - performance.now()) // a hair more than a second is not two
    $('countdown').textContent = `Next try in ${Math.ceil(left / 1000)} s`
  }
  count()
  countdown = setInterval(count, 1000)
})

$('retry').addEventListener('click', () => connection.retry())
$('ping').addEventListener('click', () => connection.send({ type: 'ping' }))
$('cut').addEventListener('click', () => connection.send({ type: 'cut' }))
$('name').addEventListener('change', ({ target }) => {
  memory.set('name', target.value)
  connection.send({ type: 'name', name: target.value })
})
addEventListener('hashchange', () => join(roomInHash()))

$('views').addEventListener('click', ({ target }) => {
  const view = target.closest('button')?.dataset.view
  if (view !== undefined) show(view)
})
$('skip').addEventListener('click', (event) => {
  event.preventDefault() // the hash is for the room
  show('chat')
  $('text').focus()
})

/** On narrow screens one part at a time is shown. */
function show(view) {
  document.body.dataset.view = view
  for (const button of $('views').children) {
    if (button.dataset.view === view) button.setAttribute('aria-current', 'true')
    else button.removeAttribute('aria-current')
  }
  redraw()
}

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
  const theme = isDark() ? 'light' : 'dark'
  document.documentElement.dataset.theme = theme
  memory.set('theme', theme)
  redraw()
})
dark.addEventListener('change', redraw)
const remembered = memory.get('theme')
if (remembered === 'light' || remembered === 'dark') document.documentElement.dataset.theme = remembered
redraw()

void connection.open()
