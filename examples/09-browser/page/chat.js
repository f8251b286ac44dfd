// The chat: joining, saying, and showing what was said. What others wrote is only ever set as text.
import { byId, make } from './dom.js'

const MAX_SHOWN = 200

/** @typedef {{ from: string, key: number, name: string, text: string, at: Date }} Message */
/** @typedef {(name: string, signal: AbortSignal, onItem: (item: any) => void) => Promise<void>} Follow */

/** @param {import('peerplex/browser').Peer} peer @param {Follow} follow */
export function startChat(peer, follow) {
  const log = byId('log')
  const nameField = /** @type {HTMLInputElement} */ (byId('name'))
  const textField = /** @type {HTMLInputElement} */ (byId('text'))
  let name = ''
  let saidCount = 0
  let typedAtMs = Number.NEGATIVE_INFINITY
  let typingTimer = 0
  let isAtEnd = true
  let isReady = false
  /** Ends the stream of messages; null before joining. @type {AbortController | null} */
  let joined = null

  async function join() {
    joined = new AbortController()
    showForms()
    textField.focus()
    try {
      await follow('chat.join', joined.signal, (message) => show(message, 'said'))
      tell('You have left')
    } catch (error) {
      showProblem(explain(error))
    }
    joined = null
    showForms()
    nameField.focus()
  }

  /** @param {Message} message */
  async function say(message) {
    isAtEnd = true
    show(message, 'waiting')
    try {
      // The server knows a message by its key, so the library may send it again after a lost connection.
      const { key, text } = message
      show(await peer.call('chat.say', { key, text }, { idempotent: true }), 'said')
    } catch (error) {
      const item = show(message, 'failed')
      if (item.dataset.state === 'said') return // only the answer was lost
      const again = make('button', 'quiet', 'Try again')
      again.onclick = () => {
        textField.focus()
        say(message)
      }
      item.append(make('p', 'fate', `Not sent: ${explain(error)}`), again)
      stayAtEnd()
    }
  }

  /**
   * Shows a message. One that waits, or was not sent, gives way to what the server made of it.
   * @param {Message} message @param {'waiting' | 'said' | 'failed'} state
   */
  function show(message, state) {
    const id = `${message.from}/${message.key}`
    const old = [...log.querySelectorAll('article')].find((each) => each.dataset.id === id)
    if (old?.dataset.state === 'said') return old
    const item = make('article', message.from === peer.id ? 'message own' : 'message')
    Object.assign(item.dataset, { id, state })
    const time = make('time', '', message.at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
    time.dateTime = message.at.toISOString()
    const by = make('p', 'by')
    by.append(make('strong', '', message.name), time)
    item.append(by, make('p', 'text', message.text))
    if (state === 'waiting') item.append(make('p', 'fate', 'Waits for the connection'))
    if (old !== undefined && (state === 'failed' || old === log.lastElementChild)) old.replaceWith(item)
    else {
      old?.remove()
      put(item)
    }
    stayAtEnd()
    showWaiting()
    return item
  }

  /** A line of its own, such as who came. @param {string} text */
  function tell(text) {
    put(make('p', 'notice', text))
  }

  /** @param {HTMLElement} item */
  function put(item) {
    log.append(item)
    while (log.childElementCount > MAX_SHOWN) log.firstElementChild?.remove()
    stayAtEnd()
  }

  function stayAtEnd() {
    if (isAtEnd) log.scrollTop = log.scrollHeight
  }

  // Whoever has scrolled back to read stays there.
  log.onscroll = () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
  }
  new ResizeObserver(stayAtEnd).observe(log)

  function showForms() {
    byId('join').hidden = joined !== null
    byId('say').hidden = joined === null
    byId('leave').hidden = joined === null
    if (joined === null) byId('people').textContent = ''
    showWaiting()
    log.dataset.empty = joined === null ? 'Join to see what is said.' : 'Nothing has been said yet.'
  }

  function showProblem(text = '') {
    byId('problem').textContent = text
    byId('problem').hidden = text === ''
  }

  showForms()

  byId('join').onsubmit = (event) => {
    event.preventDefault()
    showProblem()
    name = nameField.value.trim()
    join()
  }

  byId('say').onsubmit = (event) => {
    event.preventDefault()
    const text = textField.value.trim()
    textField.value = ''
    if (text !== '') say({ from: peer.id, key: ++saidCount, name, text, at: new Date() })
  }

  byId('leave').onclick = () => joined?.abort()

  textField.oninput = () => {
    if (performance.now() - typedAtMs < 1_500) return
    typedAtMs = performance.now()
    peer.notify('chat.typing', undefined, { waitForReady: false }).catch(() => {}) // not worth waiting for
  }

  function showWaiting() {
    const count = log.querySelectorAll('[data-state=waiting]').length
    byId('offline').hidden = isReady || joined === null
    const waiting = count === 0 ? 'What you write waits here.' : `${count} waiting to be sent.`
    byId('offline').textContent = `No connection. ${waiting}`
  }

  return {
    showProblem,

    /** @param {boolean} isThere */
    showLink(isThere) {
      isReady = isThere
      showWaiting()
    },

    /** @type {Record<string, (input: any) => unknown>} */
    handlers: {
      whoami: () => name,
      people: (/** @type {string[]} */ names) => {
        byId('people').textContent = names.join(', ')
      },
      notice: tell,
      typing: (/** @type {string} */ who) => {
        byId('typing').textContent = `${who} is typing…`
        clearTimeout(typingTimer)
        typingTimer = window.setTimeout(() => byId('typing').replaceChildren(), 2_500)
      },
    },
  }
}

/** @param {any} error */
function explain(error) {
  return error.hint ? `${error.message}: ${error.hint}` : error.message
}
