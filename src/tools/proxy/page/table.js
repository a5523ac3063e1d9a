/** The table of frames: the latest ones, filtered; one row of it can be reached with Tab, the others with arrow keys. */
export class Table {
  /** Rows beyond are dropped, the oldest first. */
  limit = 2000
  #body
  #frame
  #onChoose
  #rows = new Map()
  #filter = { text: '', opcode: '', direction: '', conn: '' }
  #current

  constructor(body, frame, onChoose) {
    this.#body = body
    this.#frame = frame
    this.#onChoose = onChoose
    body.addEventListener('click', ({ target }) => this.#choose(target.closest('tr')))
    body.addEventListener('keydown', (event) => this.#onKey(event))
  }

  get count() {
    return this.#rows.size
  }

  get shown() {
    let count = 0
    for (const element of this.#rows.keys()) if (!element.hidden) count++
    return count
  }

  add(rows) {
    const { scrollTop, scrollHeight, clientHeight } = this.#frame
    const isAtEnd = scrollTop + clientHeight > scrollHeight - 40
    const elements = rows.slice(-this.limit).map((row) => this.#element(row))
    this.#body.append(...elements)
    for (const element of this.#rows.keys()) {
      if (this.#rows.size <= this.limit) break
      this.#drop(element)
    }
    if (this.#current === undefined) this.#setCurrent(elements[0])
    if (isAtEnd) this.#frame.scrollTop = this.#frame.scrollHeight
  }

  clear() {
    this.#rows.clear()
    this.#body.replaceChildren()
    this.#current = undefined
  }

  filter(filter) {
    this.#filter = filter
    for (const [element, row] of this.#rows) element.hidden = !this.#matches(row)
    if (this.#current?.hidden) this.#setCurrent(this.#body.querySelector('tr:not([hidden])') ?? this.#current)
  }

  #matches(row) {
    const { text, opcode, direction, conn } = this.#filter
    if (
      opcode === 'other'
        ? row.kind === 'frame'
        : opcode === 'faults'
          ? row.faults === 0
          : opcode && row.name !== opcode
    )
      return false
    if (direction && row.direction !== direction) return false
    return (!conn || row.conn === Number(conn)) && (!text || row.preview.toLowerCase().includes(text))
  }

  #element(row) {
    const element = document.createElement('tr')
    element.className = `${row.kind} ${row.direction ?? ''} ${row.faults > 0 ? 'faulty' : ''}`
    element.tabIndex = -1
    element.setAttribute('aria-selected', 'false')
    element.append(
      cell('number', row.at.toFixed(1)),
      cell('conn', String(row.conn)),
      cell('arrow', ARROWS[row.direction] ?? '·', WORDS[row.direction]),
      cell('name', row.name + (row.faults > 0 ? ' !' : '')),
      cell('bits', bits(row)),
      cell('number', row.length === null ? '' : String(row.length)),
      cell('preview', row.inflated === null ? row.preview : `${row.preview} (inflated: ${row.inflated})`),
    )
    element.hidden = !this.#matches(row)
    this.#rows.set(element, row)
    return element
  }

  #drop(element) {
    this.#rows.delete(element)
    if (element === this.#current) this.#setCurrent(element.nextElementSibling ?? undefined)
    element.remove()
  }

  #setCurrent(element) {
    if (this.#current !== undefined) this.#current.tabIndex = -1
    this.#current = element
    if (element !== undefined) element.tabIndex = 0
  }

  #choose(element) {
    if (!element) return
    this.#body.querySelector('[aria-selected="true"]')?.setAttribute('aria-selected', 'false')
    element.setAttribute('aria-selected', 'true')
    this.#setCurrent(element)
    element.focus({ preventScroll: true })
    element.scrollIntoView({ block: 'nearest' })
    this.#onChoose(this.#rows.get(element).id)
  }

  #onKey(event) {
    const visible = () => [...this.#rows.keys()].filter((element) => !element.hidden)
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key]
    const isEdge = event.key === 'Home' || event.key === 'End'
    if (step === undefined && !isEdge && event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    const all = visible()
    const at = all.indexOf(this.#current)
    if (isEdge) this.#choose(all.at(event.key === 'Home' ? 0 : -1))
    else this.#choose(all[Math.min(all.length - 1, Math.max(0, at + (step ?? 0)))])
  }
}

const ARROWS = { sent: '→', received: '←' }
const WORDS = { sent: 'from the client', received: 'from the server' }

function cell(className, text, label) {
  const element = document.createElement('td')
  element.className = className
  element.textContent = text
  if (label) element.title = label
  return element
}

const bits = ({ kind, fin, rsv, masked }) =>
  kind === 'frame'
    ? [fin && 'fin', rsv !== '000' && `rsv ${rsv}`, masked && 'mask'].filter(Boolean).join(' ')
    : ''
