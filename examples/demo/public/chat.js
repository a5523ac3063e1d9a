import { $, element, hueOf } from './dom.js'

const KEPT = 300
const WORDS = { here: 'here', typing: 'typing …', idle: 'idle' }

/** The list of rooms, who is here, and what is said. */
export class Chat {
  #you
  #room
  #people = []
  #onJoin

  constructor({ onSay, onJoin }) {
    this.#onJoin = onJoin
    $('form').addEventListener('submit', (event) => {
      event.preventDefault()
      const text = $('text').value.trim()
      if (text !== '' && onSay(text)) $('text').value = ''
    })
  }

  welcome({ you, room, history }) {
    this.#you = you
    this.#room = room
    $('room-name').textContent = `the ${room}`
    // What was said before is no news: it is not to be read out.
    $('log').setAttribute('aria-live', 'off')
    $('log').replaceChildren()
    if (history.length === 0)
      this.note('Nothing was said here yet. Open this page once more, and talk to yourself.', 'empty')
    for (const said of history) this.said(said)
    requestAnimationFrame(() => $('log').setAttribute('aria-live', 'polite'))
  }

  said({ id, name, text, at }) {
    $('log').querySelector('.empty')?.remove()
    const mine = id === this.#you
    const time = new Date(at)
    const clock = element('time', '', time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
    clock.dateTime = time.toISOString()
    const item = element(
      'div',
      mine ? 'said mine' : 'said',
      element('header', '', badge(id, name), element('b', 'who', name), clock),
      element('p', '', text),
    )
    this.#append(item)
  }

  note(text, kind = '') {
    this.#append(element('div', `note ${kind}`, text))
  }

  #append(item) {
    const log = $('log')
    // Who has scrolled up is reading: leave them there.
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 80
    log.append(item)
    while (log.children.length > KEPT) log.firstChild.remove()
    if (follows) log.scrollTop = log.scrollHeight
  }

  rooms(rooms) {
    const items = rooms.map(({ name, people }) => {
      const button = element(
        'button',
        '',
        element('span', '', name),
        element('span', 'count', String(people)),
      )
      button.type = 'button'
      button.dataset.room = name
      button.setAttribute('aria-label', `${name}, ${people} ${people === 1 ? 'person' : 'people'}`)
      if (name === this.#room) button.setAttribute('aria-current', 'true')
      button.addEventListener('click', () => this.#onJoin(name))
      return element('li', '', button)
    })
    const focused = document.activeElement?.dataset.room
    $('rooms').replaceChildren(...items)
    // The buttons are new; the keyboard stays where it was.
    if (focused)
      $('rooms')
        .querySelector(`[data-room="${CSS.escape(focused)}"]`)
        ?.focus()
  }

  people(people) {
    this.#people = people
    const items = people.map(({ id, name, state }) => {
      const who = element('span', 'who', name)
      const you = id === this.#you ? [element('span', 'you', 'you')] : []
      if (id === this.#you) $('name').placeholder = name
      const item = element('li', '', badge(id, name), who, ...you, element('span', 'state', WORDS[state]))
      item.dataset.state = state
      return item
    })
    $('people').replaceChildren(...items)
    $('people-title').textContent = `Here (${people.length})`
    this.#tellTyping()
  }

  #tellTyping() {
    const names = this.#people
      .filter(({ id, state }) => state === 'typing' && id !== this.#you)
      .map(({ name }) => name)
    const text =
      names.length === 0
        ? ''
        : names.length < 3
          ? `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing …`
          : 'Several are typing …'
    if ($('typing').textContent !== text) $('typing').textContent = text
  }
}

/** The first letter in the person's colour. */
function badge(id, name) {
  const made = element('span', 'badge', [...name][0]?.toUpperCase() ?? '?')
  made.style.setProperty('--hue', hueOf(id))
  made.ariaHidden = 'true'
  return made
}
