// The chat: who is where, what was said, and who is told of it. Texts are JSON; bytes are paint for the board.
import type { IncomingMessage } from 'node:http'
import { type Conn, type Message, upgrade } from 'fastws'
import { isState, type Person, Room, type State } from './room.js'
import type { Wire } from './wire.js'

const ROOMS = ['lobby', 'garden', 'workshop']
const LONGEST_NAME = 24
const LONGEST_TEXT = 1000

const ignore = () => undefined

/** What a page may ask for. It comes from strangers: every field may be missing, or be anything. */
interface Request {
  readonly type?: unknown
  readonly text?: unknown
  readonly state?: unknown
  readonly name?: unknown
  readonly room?: unknown
}

export function openChat(wire: Wire) {
  const rooms = new Map(ROOMS.map((name) => [name, new Room(name)]))
  let lastId = 0

  const roomOf = (name: unknown) => rooms.get(String(name)) ?? (rooms.get('lobby') as Room)

  /** Decides before there is a connection who will be on it: what `accept` gives becomes `conn.data`. */
  function welcome(request: IncomingMessage): { data: Person } {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost')
    const id = ++lastId
    const name = cleanName(searchParams.get('name')) || `Guest ${id}`
    return { data: { id, name, state: 'here', room: roomOf(searchParams.get('room')) } }
  }

  function enter(conn: Conn<Person>, room: Room) {
    conn.data.room = room
    room.enter(conn)
    tellCounts()
  }

  function leave(conn: Conn<Person>) {
    conn.data.room.leave(conn)
    tellCounts()
  }

  function move(conn: Conn<Person>, room: Room) {
    if (room === conn.data.room) return // else everyone would see them leave and come
    leave(conn)
    enter(conn, room)
  }

  function tellCounts() {
    const counts = [...rooms.values()].map(({ name, members }) => ({ name, people: members.size }))
    for (const room of rooms.values()) room.tell({ type: 'rooms', rooms: counts })
  }

  async function answer(conn: Conn<Person>, { type, text, state, name, room }: Request) {
    const person = conn.data
    if (type === 'say' && typeof text === 'string' && text.trim() !== '') {
      person.room.say(person, text.slice(0, LONGEST_TEXT))
      setState(person, 'here')
    } else if (type === 'state' && isState(state)) {
      setState(person, state)
    } else if (type === 'name') {
      person.name = cleanName(name) || person.name
      person.room.tellPeople()
    } else if (type === 'join') {
      move(conn, roomOf(room))
    } else if (type === 'ping') {
      conn.ping().then((ms) => conn.send(JSON.stringify({ type: 'pinged', ms })), ignore)
    } else if (type === 'cut') {
      conn.terminate() // as if somebody had pulled the plug
    } else {
      void conn.close(1008, 'That was no request')
    }
  }

  async function visit(conn: Conn<Person>) {
    wire.watch(conn)
    enter(conn, conn.data.room)
    try {
      for await (const message of conn) {
        if (message.isText) await answer(conn, parse(message))
        else conn.data.room.paint(message.data)
      }
    } finally {
      leave(conn)
    }
  }

  return upgrade<Person>(visit, {
    path: '/chat',
    accept: welcome,
    maxMessage: 8 * 1024,
    maxConnections: 500,
    keepalive: { interval: 15_000 },
  })
}

function setState(person: Person, state: State) {
  if (person.state === state) return
  person.state = state
  person.room.tellPeople()
}

/** The name as others see it: not too long, without line ends and the like, cut between characters. */
const cleanName = (name: unknown) =>
  typeof name === 'string'
    ? [...name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()].slice(0, LONGEST_NAME).join('')
    : ''

function parse(message: Message): Request {
  try {
    return message.json<Request | null>() ?? {}
  } catch {
    return {} // no JSON: it asks for nothing that there is
  }
}
