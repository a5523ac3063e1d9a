// A room: those who are in it, the last things that were said, and a board that everyone paints on.
import { broadcast, type Conn } from 'fastws'

const STATES = ['here', 'typing', 'idle'] as const
export type State = (typeof STATES)[number]
export const isState = (state: unknown): state is State => STATES.includes(state as State)

export interface Person {
  readonly id: number
  name: string
  state: State
  room: Room
}

export const WIDTH = 32
export const HEIGHT = 20
export const COLORS = 9 // 0 is the bare board
const REMEMBERED = 50

/** What newcomers find on a board. */
const PICTURE = [
  '#..#.####.#....#.....##.',
  '#..#.#....#....#....#..#',
  '####.###..#....#....#..#',
  '#..#.#....#....#....#..#',
  '#..#.####.####.####..##.',
]

export class Room {
  readonly name: string
  readonly members = new Set<Conn<Person>>()
  readonly #history: object[] = []
  readonly #board = new Uint8Array(WIDTH * HEIGHT)

  constructor(name: string) {
    this.name = name
    for (const [y, row] of PICTURE.entries())
      for (const [x, mark] of [...row].entries())
        if (mark === '#') this.#board[(y + 7) * WIDTH + x + 4] = 1 + Math.floor(x / 5)
  }

  /** Sends to everyone here. Who cannot keep up is closed: the page comes back, and is told everything anew. */
  tell(news: object | Buffer) {
    broadcast(this.members, Buffer.isBuffer(news) ? news : JSON.stringify(news), { slow: 'close' })
  }

  enter(conn: Conn<Person>) {
    this.tell({ type: 'note', text: `${conn.data.name} came in` })
    this.members.add(conn)
    void conn.send(
      JSON.stringify({
        type: 'welcome',
        you: conn.data.id,
        room: this.name,
        board: { width: WIDTH, height: HEIGHT },
        history: this.#history,
      }),
    )
    void conn.send(this.#painted()) // one message in parts: what is sent meanwhile waits its turn
    this.tellPeople()
  }

  leave(conn: Conn<Person>) {
    this.members.delete(conn)
    this.tell({ type: 'note', text: `${conn.data.name} left` })
    this.tellPeople()
  }

  tellPeople() {
    const people = [...this.members].map(({ data: { id, name, state } }) => ({ id, name, state }))
    this.tell({ type: 'people', people })
  }

  say({ id, name }: Person, text: string) {
    const said = { type: 'said', id, name, text, at: Date.now() }
    this.#history.push(said)
    if (this.#history.length > REMEMBERED) this.#history.shift()
    this.tell(said)
  }

  /**
   * Paint is a list of cells, three bytes each: column, row, colour. Everyone is sent it, the painter too: so all see the
   * same cells painted in the same order, and in the end the same board.
   */
  paint(cells: Buffer) {
    const known: number[] = []
    for (let i = 0; i + 2 < cells.length; i += 3) {
      const [x = 0, y = 0, color = 0] = cells.subarray(i, i + 3)
      if (x >= WIDTH || y >= HEIGHT || color >= COLORS) continue
      this.#board[y * WIDTH + x] = color
      known.push(x, y, color)
    }
    if (known.length > 0) this.tell(Buffer.from(known))
  }

  /** The board, row by row. */
  async *#painted() {
    for (let y = 0; y < HEIGHT; y++) {
      const row = [...this.#board.subarray(y * WIDTH, (y + 1) * WIDTH)]
      const cells = row.flatMap((color, x) => (color === 0 ? [] : [x, y, color]))
      if (cells.length > 0) yield Buffer.from(cells)
    }
  }
}
