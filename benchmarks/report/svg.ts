// Pictures for the report: bars, and lines on logarithmic axes.
import { digits } from '../metrics.js'

const WIDTH = 720
const LINE = 26
const LEFT = 190
const RIGHT = 90

/** Readable on light pages and dark ones. */
const INK = '#808080'
const COLORS = ['#2f7ed8', '#e0763a', '#3a9f5d', '#a05cc4', '#c7a416', '#8b8b8b']
export const OURS = COLORS[0]!
export const THEIRS = '#9aa5b1'

export interface SvgBar {
  readonly label: string
  readonly value: number
  readonly text: string
  readonly isOurs: boolean
}

/** Horizontal bars, the shortest on top: less is better. What is nothing, or less, is as short as can be seen. */
export function barPlot(title: string, bars: readonly SvgBar[]): string {
  const most = Math.max(...bars.map(({ value }) => value))
  const sorted = bars.toSorted((a, b) => a.value - b.value)
  const rows = sorted.map(({ label, value, text, isOurs }, i) => {
    const y = 40 + i * LINE
    const width = value > 0 ? Math.max(1, (value / most) * (WIDTH - LEFT - RIGHT)) : 1
    return (
      words(LEFT - 8, y + 15, label, 'end') +
      `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${LINE - 8}" fill="${isOurs ? OURS : THEIRS}"/>\n` +
      words(LEFT + width + 6, y + 15, text)
    )
  })
  return picture(title, 48 + sorted.length * LINE, rows.join(''))
}

export interface SvgLine {
  readonly label: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

const HEIGHT = 320
const TOP = 50
const BOTTOM = 44
const LABELS = 200
const AXIS = 70

/** Lines on axes that are both logarithmic. */
export function linePlot(title: string, xName: string, yName: string, lines: readonly SvgLine[]): string {
  const points = lines.flatMap((line) => line.points)
  const x = scale(
    points.map(([value]) => value),
    AXIS,
    WIDTH - LABELS,
  )
  const y = scale(
    points.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  )
  const drawn = lines.map(({ label, points }, i) => {
    const color = COLORS[i % COLORS.length]!
    const path = points.map(([a, b]) => `${x.place(a)},${y.place(b)}`).join(' ')
    const dots = points.map(
      ([a, b]) => `<circle cx="${x.place(a)}" cy="${y.place(b)}" r="3" fill="${color}"/>\n`,
    )
    const legend = `<rect x="${WIDTH - LABELS + 20}" y="${TOP + i * 22 - 9}" width="12" height="12" fill="${color}"/>\n`
    return (
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>\n${dots.join('')}${legend}` +
      words(WIDTH - LABELS + 38, TOP + i * 22 + 2, label)
    )
  })
  const axes = [
    ...x.marks.map((mark) => words(x.place(mark), HEIGHT - BOTTOM + 18, short(mark), 'middle')),
    ...y.marks.map((mark) => words(AXIS - 8, y.place(mark) + 4, short(mark), 'end')),
    ...y.marks.map((mark) => rule(AXIS, y.place(mark), WIDTH - LABELS)),
    words((AXIS + WIDTH - LABELS) / 2, HEIGHT - 8, xName, 'middle'),
    words(8, TOP - 14, yName),
  ]
  return picture(title, HEIGHT, axes.join('') + drawn.join(''))
}

interface Scale {
  place(value: number): number
  readonly marks: readonly number[]
}

/**
 * A logarithmic scale over all values, marked at powers of ten, at both ends at least. What has no logarithm stands at
 * its beginning.
 */
function scale(values: readonly number[], from: number, to: number): Scale {
  const powers = values.filter((value) => value > 0).map(Math.log10)
  const least = powers.length === 0 ? 0 : Math.floor(Math.min(...powers))
  const most = powers.length === 0 ? 1 : Math.max(least + 1, Math.ceil(Math.max(...powers)))
  const place = (value: number): number => {
    const share = value > 0 ? (Math.log10(value) - least) / (most - least) : 0
    return Math.round(10 * (from + share * (to - from))) / 10
  }
  return { place, marks: Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i)) }
}

const short = (value: number): string =>
  value >= 1e6 ? `${digits(value / 1e6)} M` : value >= 1e3 ? `${digits(value / 1e3)} k` : digits(value)

const rule = (x: number, y: number, to: number): string =>
  `<line x1="${x}" y1="${y}" x2="${to}" y2="${y}" stroke="${INK}" stroke-opacity="0.25"/>\n`

function words(x: number, y: number, text: string, anchor = 'start'): string {
  return `<text x="${Math.round(x)}" y="${Math.round(y)}" text-anchor="${anchor}">${escaped(text)}</text>\n`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const picture = (title: string, height: number, inside: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
  `font-family="sans-serif" font-size="13" fill="${INK}" role="img">\n<title>${escaped(title)}</title>\n` +
  `<text x="8" y="22" font-size="15">${escaped(title)}</text>\n${inside}</svg>\n`
