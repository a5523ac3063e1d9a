import { $, element } from './dom.js'
import { clockOf, headerOf, hexDump, inUnits, isControl, toFrame } from './frames.js'
import { drawRate, drawSizes } from './plots.js'

const KEPT = 500
/** Frames that the plots show at most: of each they need little. */
const PLOTTED = 10_000
/** Seconds that the plots show. */
const SPAN = 60

/** The frames of this connection: a table, one of them in full, and two plots. */
export class Wire {
  #frames = []
  #plotted = []
  /** By how much the server's clock is ahead of ours: the frame that was quickest here tells best. */
  #ahead = Number.NEGATIVE_INFINITY
  #rows = $('rows')
  /** The kind of message that is under way in each direction: continuation frames do not say it. */
  #isText = { in: false, out: false }
  #paused
  #chosen
  #totals = { frames: 0, in: 0, out: 0, leftOut: 0 }

  constructor() {
    $('pause').addEventListener('click', () => (this.#paused ? this.#resume() : this.#pause()))
    $('clear').addEventListener('click', () => this.#clear())
    for (const id of ['filter', 'show-in', 'show-out', 'show-control'])
      $(id).addEventListener('input', () => this.#showAll())
    this.#rows.addEventListener('focusin', ({ target }) => this.#choose(target.closest('tr')))
    this.#rows.addEventListener('click', ({ target }) => target.closest('tr')?.focus())
    this.#rows.addEventListener('keydown', (event) => this.#key(event))
    setInterval(() => this.draw(), 500)
    new ResizeObserver(() => this.draw()).observe($('plots'))
  }

  add(row) {
    if (row.opcode === 1 || row.opcode === 2) this.#isText[row.direction] = row.opcode === 1
    const frame = toFrame(row, !isControl(row) && this.#isText[row.direction])
    this.#frames.push(frame)
    if (this.#frames.length > KEPT) this.#frames.shift()
    const { at, direction, opcode, length } = row
    this.#plotted.push({ at, direction, opcode, length })
    if (this.#plotted.length > PLOTTED) this.#plotted.shift()
    this.#ahead = Math.max(this.#ahead, at - performance.now())
    this.#totals.frames++
    this.#totals[row.direction] += row.length
    this.#totals.leftOut += row.leftOut
    if (this.#paused) this.#paused.held++
    else if (this.#isShown(frame)) this.#show(frame)
    this.#tell()
  }

  draw() {
    if ($('plots').offsetParent === null) return
    // A paused view stands still.
    const now = this.#paused?.at ?? this.#now()
    const frames = this.#plotted.filter(({ at }) => at > now - SPAN * 1000 && at <= now)
    drawRate($('rate'), frames, now, SPAN)
    drawSizes($('sizes'), frames, now, SPAN)
  }

  /** The time at the server. */
  #now() {
    return performance.now() + this.#ahead
  }

  #tell() {
    const { frames, in: bytesIn, out: bytesOut, leftOut } = this.#totals
    for (const id of ['count', 'count-too']) $(id).textContent = String(frames)
    $('totals').textContent = `↑ ${inUnits(bytesIn)} ↓ ${inUnits(bytesOut)}`
    $('left-out').hidden = leftOut === 0
    $('left-out').textContent = `… ${leftOut} frames left out: they came faster than they could be shown`
    $('pause').textContent = this.#paused
      ? `Resume${this.#paused.held > 0 ? ` (${this.#paused.held})` : ''}`
      : 'Pause'
    $('pause').setAttribute('aria-pressed', String(this.#paused !== undefined))
  }

  #pause() {
    this.#paused = { at: this.#now(), held: 0 }
    this.#tell()
  }

  #resume() {
    this.#paused = undefined
    this.#tell()
    this.#showAll()
    this.draw()
  }

  #clear() {
    this.#frames = []
    this.#plotted = []
    this.#totals = { frames: 0, in: 0, out: 0, leftOut: 0 }
    if (this.#paused) this.#paused.held = 0
    this.#tell()
    this.#choose(undefined)
    this.#showAll()
    this.draw()
  }

  #isShown(frame) {
    if (!$(`show-${frame.direction}`).checked) return false
    if (isControl(frame) && !$('show-control').checked) return false
    const wanted = $('filter').value.trim().toLowerCase()
    return wanted === '' || `${frame.name} ${frame.maskKey} ${frame.shown}`.toLowerCase().includes(wanted)
  }

  #showAll() {
    // By their number, not by their time: the server's clock is not ours.
    const count = Math.max(0, this.#frames.length - (this.#paused?.held ?? 0))
    const shown = this.#frames.slice(0, count).filter((frame) => this.#isShown(frame))
    this.#rows.replaceChildren(...shown.map((frame) => this.#rowOf(frame)))
    this.#rows.scrollTop = this.#rows.scrollHeight
    this.#keepStop()
  }

  #show(frame) {
    const rows = this.#rows
    const follows = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 60
    rows.append(this.#rowOf(frame))
    if (rows.children.length > KEPT) this.#removeFirst()
    if (follows) rows.scrollTop = rows.scrollHeight
    this.#keepStop()
  }

  /** One of the rows is a stop for the Tab key. */
  #keepStop() {
    const rows = this.#rows
    if (rows.lastChild && !rows.querySelector('[tabindex="0"]')) rows.lastChild.tabIndex = 0
  }

  /** The keyboard stays where it is, or as near as can be. */
  #removeFirst() {
    const [first, next] = this.#rows.children
    if (first === document.activeElement) next.focus({ preventScroll: true })
    first.remove()
  }

  #rowOf(frame) {
    const isIn = frame.direction === 'in'
    const arrow = element('span', '', isIn ? '↑' : '↓')
    arrow.ariaHidden = 'true'
    const bits = [
      ['F', frame.fin],
      ['1', frame.rsv[0] === '1'],
      ['2', frame.rsv[1] === '1'],
      ['3', frame.rsv[2] === '1'],
    ].map(([letter, isSet]) => element('i', isSet ? 'set' : '', letter))
    const row = element(
      'tr',
      `${frame.direction} ${isControl(frame) ? 'control' : 'data'}`,
      cell('time', clockOf(frame.at)),
      cell('way', arrow, element('span', 'hidden', isIn ? 'to the server' : 'to you')),
      cell('opcode', frame.name),
      cell('bits', ...bits),
      cell('mask', frame.maskKey ?? '–'),
      cell('length', String(frame.length)),
      cell('payload', frame.shown.slice(0, 200)),
    )
    row.frame = frame
    row.role = 'row'
    row.tabIndex = -1
    row.dataset.opcode = frame.name
    if (frame === this.#chosen) this.#mark(row)
    return row
  }

  #key(event) {
    const row = event.target.closest('tr')
    const next = {
      ArrowDown: row?.nextElementSibling,
      ArrowUp: row?.previousElementSibling,
      Home: this.#rows.firstElementChild,
      End: this.#rows.lastElementChild,
    }[event.key]
    if (!next) return
    event.preventDefault()
    next.focus()
  }

  #mark(row) {
    row.tabIndex = 0
    row.ariaSelected = 'true'
  }

  #choose(row) {
    for (const old of this.#rows.querySelectorAll('[tabindex="0"]')) {
      old.tabIndex = -1
      old.ariaSelected = null
    }
    this.#chosen = row?.frame
    if (row) this.#mark(row)
    $('detail').replaceChildren(
      ...(row ? detailOf(row.frame) : [element('p', '', 'Choose a frame to see its bytes.')]),
    )
  }
}

function cell(className, ...content) {
  const made = element('td', className, ...content)
  made.role = 'gridcell'
  return made
}

/** As many as there is room for: 8, 12 or 16. */
function bytesPerLine() {
  const characters = $('detail').clientWidth / 7.5
  return Math.min(16, Math.max(8, Math.floor((characters - 10) / 16) * 4))
}

function detailOf(frame) {
  const facts = [
    ['Way', frame.direction === 'in' ? 'browser → server' : 'server → browser'],
    ['Opcode', `0x${frame.opcode.toString(16)} ${frame.name}`],
    ['FIN, RSV1–3', `${Number(frame.fin)}, ${frame.rsv}`],
    ['Masking key', frame.maskKey ?? 'none'],
    ['Payload', `${frame.length} bytes`],
    ['Header', headerOf(frame)],
  ].flatMap(([name, value]) => [element('dt', '', name), element('dd', '', value)])
  const dump = element('pre', '', hexDump(frame.bytes, bytesPerLine()))
  if (frame.length > frame.bytes.length) dump.append(`\n… ${frame.length - frame.bytes.length} more bytes`)
  return [element('dl', '', ...facts), ...(frame.length > 0 ? [dump] : [])]
}
