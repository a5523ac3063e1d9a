import { $, color, contextOf, element } from './dom.js'

const NAMES = ['bare', 'indigo', 'blue', 'teal', 'green', 'amber', 'orange', 'red', 'pink']

/** The shared board: cells that everyone paints, by pointer or by keyboard. */
export class Board {
  #canvas = $('cells')
  #width = 32
  #height = 20
  #cells = new Uint8Array(32 * 20)
  #color = 1
  /** Where the keyboard is. */
  #at = { x: 0, y: 0 }
  /** Where the pointer was. */
  #last
  /** Painted since the last message: one message a frame of the screen is enough. */
  #fresh = []
  #drawing
  #onPaint

  constructor(onPaint) {
    this.#onPaint = onPaint
    this.#makePalette()
    const canvas = this.#canvas
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return
      canvas.setPointerCapture(event.pointerId)
      this.#last = this.#cellAt(event)
      this.#paint(this.#last)
    })
    canvas.addEventListener('pointermove', (event) => this.#last && this.#drag(event))
    for (const type of ['pointerup', 'pointercancel'])
      canvas.addEventListener(type, () => {
        this.#last = undefined
      })
    canvas.addEventListener('keydown', (event) => this.#key(event))
    for (const type of ['focus', 'blur']) canvas.addEventListener(type, () => this.draw())
    new ResizeObserver(() => this.draw()).observe(canvas)
  }

  welcome({ width, height }) {
    this.#width = width
    this.#height = height
    this.#cells = new Uint8Array(width * height)
    this.#canvas.style.aspectRatio = `${width} / ${height}`
    this.draw()
  }

  /** Cells that somebody has painted: column, row, colour. What lies outside the board is no cell. */
  apply(bytes) {
    for (let i = 0; i + 2 < bytes.length; i += 3) {
      const [x, y, paint] = bytes.subarray(i, i + 3)
      if (x < this.#width && y < this.#height && paint < NAMES.length)
        this.#cells[y * this.#width + x] = paint
    }
    this.draw()
  }

  /** However much changes, once for each picture on the screen. */
  draw() {
    this.#drawing ??= requestAnimationFrame(() => {
      this.#drawing = undefined
      this.#drawNow()
    })
  }

  #drawNow() {
    const { context, width, height } = contextOf(this.#canvas)
    if (width === 0) return
    const size = width / this.#width
    const colors = NAMES.map((_, i) => color(`--paint-${i}`))
    context.clearRect(0, 0, width, height)
    for (const [i, paint] of this.#cells.entries()) {
      context.fillStyle = colors[paint]
      const x = (i % this.#width) * size
      const y = Math.floor(i / this.#width) * size
      context.fillRect(x + 0.5, y + 0.5, size - 1, size - 1)
    }
    if (document.activeElement !== this.#canvas || !this.#canvas.matches(':focus-visible')) return
    context.strokeStyle = color('--text')
    context.lineWidth = 2
    context.strokeRect(this.#at.x * size, this.#at.y * size, size, size)
  }

  #makePalette() {
    for (const [i, name] of NAMES.entries()) {
      const input = element('input')
      Object.assign(input, { type: 'radio', name: 'color', value: i, checked: i === this.#color })
      input.addEventListener('change', () => {
        this.#color = i
      })
      const label = element('label', '', input, element('span', 'hidden', name))
      label.title = i === 0 ? 'Erase (0)' : `${name} (${i})`
      label.style.setProperty('--paint', `var(--paint-${i})`)
      label.dataset.color = i
      $('palette').append(label)
    }
  }

  #choose(index) {
    this.#color = index
    $('palette').querySelector(`[value="${index}"]`).checked = true
    this.#say(NAMES[index])
  }

  #key(event) {
    const { x, y } = this.#at
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
    const move = moves[event.key]
    if (move) this.#moveTo(x + move[0], y + move[1])
    else if (event.key === ' ' || event.key === 'Enter') this.#paintHere()
    else if (/^[0-8]$/.test(event.key)) this.#choose(Number(event.key))
    else return
    event.preventDefault()
    this.draw()
  }

  #paintHere() {
    this.#paint(this.#at)
    this.#say(this.#color === 0 ? 'erased' : `${NAMES[this.#color]} painted`)
  }

  #moveTo(x, y) {
    this.#at = { x: clamp(x, this.#width), y: clamp(y, this.#height) }
    const paint = this.#cells[this.#at.y * this.#width + this.#at.x]
    this.#say(`Column ${this.#at.x + 1}, row ${this.#at.y + 1}, ${NAMES[paint]}`)
  }

  #say(text) {
    $('board-status').textContent = text
  }

  #cellAt({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect()
    return {
      x: clamp(Math.floor(((clientX - left) / width) * this.#width), this.#width),
      y: clamp(Math.floor(((clientY - top) / height) * this.#height), this.#height),
    }
  }

  /** Every cell on the way: a quick pointer skips some. */
  #drag(event) {
    const from = this.#last
    const to = this.#cellAt(event)
    const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y))
    for (let i = 1; i <= steps; i++)
      this.#paint({
        x: Math.round(from.x + ((to.x - from.x) * i) / steps),
        y: Math.round(from.y + ((to.y - from.y) * i) / steps),
      })
    this.#last = to
  }

  /** Shown at once; what holds is what comes back from the server, in the same order for everyone. */
  #paint({ x, y }) {
    this.#cells[y * this.#width + x] = this.#color
    if (this.#fresh.length === 0) requestAnimationFrame(() => this.#flush())
    this.#fresh.push(x, y, this.#color)
    this.draw()
  }

  #flush() {
    this.#onPaint(new Uint8Array(this.#fresh))
    this.#fresh = []
  }
}

const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1)
