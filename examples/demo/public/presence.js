import { $ } from './dom.js'

const TYPING_FOR = 3_000
const IDLE_AFTER = 60_000

/** Finds out what this person does: here, typing, or idle; `tell` is told of each change. */
export class Presence {
  #state = 'here'
  #tell
  #typing
  #idle

  constructor(tell) {
    this.#tell = tell
    $('text').addEventListener('input', ({ target }) =>
      target.value === '' ? this.#stopTyping() : this.#type(),
    )
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'focus'])
      addEventListener(type, () => this.#stir(), { passive: true })
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#set('idle') : this.#stir()))
    this.#stir()
  }

  get state() {
    return this.#state
  }

  /** A message was sent: that this ended the typing, everyone knows without being told. */
  spoke() {
    clearTimeout(this.#typing)
    this.#state = 'here'
  }

  #type() {
    this.#set('typing')
    clearTimeout(this.#typing)
    this.#typing = setTimeout(() => this.#stopTyping(), TYPING_FOR)
  }

  #stopTyping() {
    clearTimeout(this.#typing)
    if (this.#state === 'typing') this.#set('here')
  }

  #stir() {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#set('idle'), IDLE_AFTER)
    if (this.#state === 'idle') this.#set('here')
  }

  #set(state) {
    if (state === this.#state) return
    this.#state = state
    this.#tell(state)
  }
}
