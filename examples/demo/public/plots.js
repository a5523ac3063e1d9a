import { color, contextOf } from './dom.js'
import { isControl } from './frames.js'

const MARGIN = 26

/** What both plots have: time from left to right, its axis, and the names of two heights. */
function prepare(canvas, span) {
  const { context, width, height } = contextOf(canvas)
  context.clearRect(0, 0, width, height)
  context.font = '10px system-ui, sans-serif'
  context.textBaseline = 'middle'
  const [muted, line] = [color('--muted'), color('--line')]
  const rule = (y, text) => {
    context.fillStyle = line
    context.fillRect(MARGIN, Math.round(y), width - MARGIN, 1)
    context.fillStyle = muted
    context.textAlign = 'right'
    context.fillText(text, MARGIN - 5, Math.min(Math.max(y, 6), height - 6))
  }
  const xOf = (age) => width - (age / span) * (width - MARGIN)
  return { context, width, height, rule, xOf }
}

/** Frames each second: bars upwards go to the server, downwards come from it. */
export function drawRate(canvas, frames, now, span) {
  const { context, width, height, rule, xOf } = prepare(canvas, span)
  const counts = { in: new Array(span).fill(0), out: new Array(span).fill(0) }
  // Whole seconds of the clock: so bars move on, and do not change their height.
  const second = Math.floor(now / 1000)
  for (const { at, direction } of frames) {
    const age = second - Math.floor(at / 1000)
    if (age >= 0 && age < span) counts[direction][age]++
  }
  const most = Math.max(4, ...counts.in, ...counts.out)
  const middle = Math.round(height / 2)
  rule(middle - 1, '0')
  rule(1, String(most))
  rule(height - 1, String(most))
  const [colorIn, colorOut] = [color('--in'), color('--out')]
  const bar = Math.max(2, (width - MARGIN) / span - 1)
  for (let age = 0; age < span; age++) {
    const scale = (middle - 2) / most
    context.fillStyle = colorIn
    context.fillRect(xOf(age) - bar, middle - 1 - counts.in[age] * scale, bar, counts.in[age] * scale)
    context.fillStyle = colorOut
    context.fillRect(xOf(age) - bar, middle, bar, counts.out[age] * scale)
  }
}

/** The payload of each frame, on a logarithmic scale: a dot where it came, hollow for control frames. */
export function drawSizes(canvas, frames, now, span) {
  const { context, height, rule, xOf } = prepare(canvas, span)
  const most = Math.max(2000, ...frames.map(({ length }) => length))
  const yOf = (bytes) => height - 5 - (Math.log10(bytes + 1) / Math.log10(most + 1)) * (height - 10)
  for (const [bytes, text] of [
    [0, '0'],
    [10, '10'],
    [100, '100'],
    [1000, '1k'],
  ])
    rule(yOf(bytes), text)
  const colors = { in: color('--in'), out: color('--out') }
  for (const frame of frames) {
    context.beginPath()
    context.arc(xOf((now - frame.at) / 1000) - 3, yOf(frame.length), 2.5, 0, 2 * Math.PI)
    context.fillStyle = colors[frame.direction]
    context.strokeStyle = colors[frame.direction]
    if (isControl(frame)) context.stroke()
    else context.fill()
  }
}
