// What the other modules share. Texts of other people go through `textContent` only: they can never become markup.

export const $ = (id) => document.getElementById(id)

/** An element with its class, and its text or what it holds. */
export function element(name, className, ...content) {
  const made = document.createElement(name)
  if (className) made.className = className
  made.append(...content) // strings become text
  return made
}

const probe = element('span', 'hidden')
probe.ariaHidden = 'true'
document.body.append(probe)

let colors = new Map()

/** A colour of the style sheet, as it is in the light or in the dark; a canvas takes no names. */
export function color(name) {
  if (!colors.has(name)) {
    probe.style.color = `var(${name})`
    colors.set(name, getComputedStyle(probe).color)
  }
  return colors.get(name)
}

/** It became light, or dark. */
export function forgetColors() {
  colors = new Map()
}

/** The context of a canvas in the resolution of the screen, and its size in CSS pixels. */
export function contextOf(canvas) {
  const { width, height } = canvas.getBoundingClientRect()
  const ratio = devicePixelRatio
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio)
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio)
  const context = canvas.getContext('2d')
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  return { context, width, height }
}

/** What the browser remembers; it may refuse to. */
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(key) ?? undefined
    } catch {
      return undefined
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value)
    } catch {
      // It works without: until the page is loaded again.
    }
  },
}

/** The hue of a person, spread so that neighbours differ. */
export const hueOf = (id) => Math.round((id * 137.5) % 360)
