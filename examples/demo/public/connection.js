// A connection that comes back: when it is lost it waits, longer from time to time, and connects again.

const FIRST_WAIT = 400
const LONGEST_WAIT = 15_000
/** A viewer that was lost is opened again after this time. */
const VIEWER_WAIT = 1_000
/** A connection that lasted so long lets the waits start over. */
const STABLE_AFTER = 5_000

/** A number nobody guesses. `randomUUID()` is there on https pages only. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

/**
 * Tells what happens by events: `state` (`detail` is `{ state, wait }`), `message`, and `frame` for every frame of this
 * connection as the server saw it. Those come over a second connection, which is opened first, so that none is missed.
 */
export class Connection extends EventTarget {
  #query
  #socket
  #key
  #viewer
  #failures = 0
  #timer

  /** @param query gives what the server has to know of us, each time anew */
  constructor(query) {
    super()
    this.#query = query
    addEventListener('online', () => this.retry())
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  /** Sends bytes as they are, and anything else as JSON; what cannot be sent now is not sent later. */
  send(data) {
    if (this.isOpen) this.#socket.send(data instanceof Uint8Array ? data : JSON.stringify(data))
  }

  /** Connects at once instead of waiting. */
  retry() {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    void this.open()
  }

  async open() {
    this.#tell('state', { state: 'connecting' })
    this.#key = newKey()
    await this.#openViewer(this.#key)
    const socket = new WebSocket(address('/chat', { ...this.#query(), wire: this.#key }))
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    let openedAt
    socket.onopen = () => {
      openedAt = performance.now()
      this.#tell('state', { state: 'open' })
    }
    socket.onmessage = ({ data }) => this.#tell('message', data)
    socket.onclose = ({ code, reason }) => {
      const viewer = this.#viewer
      setTimeout(() => viewer.close(), 500) // the last frames may still be on their way
      if (openedAt !== undefined && performance.now() - openedAt > STABLE_AFTER) this.#failures = 0
      this.#wait(code, reason)
    }
  }

  /** Resolves when frames will be shown, or when it is clear that for now they will not. */
  #openViewer(key) {
    return new Promise((resolve) => {
      const viewer = new WebSocket(address('/wire', { wire: key }))
      this.#viewer = viewer
      viewer.onmessage = ({ data }) => this.#tell('frame', JSON.parse(data))
      viewer.onopen = resolve
      viewer.onclose = () => {
        resolve()
        setTimeout(() => this.#reopenViewer(key), VIEWER_WAIT)
      }
    })
  }

  /** As long as there is somebody to look at: the same connection, open or about to be. */
  #reopenViewer(key) {
    if (key === this.#key && this.#socket.readyState <= WebSocket.OPEN) void this.#openViewer(key)
  }

  #wait(code, reason) {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++)
    // Of random length: else, after a restart of the server, everyone would come back at the same moment.
    const wait = longest * (0.5 + Math.random() / 2)
    this.#timer = setTimeout(() => this.retry(), wait)
    this.#tell('state', { state: 'waiting', wait, code, reason })
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

function address(path, query) {
  const url = new URL(path, location.href)
  url.protocol = location.protocol.replace('http', 'ws')
  url.search = new URLSearchParams(query)
  return url
}
