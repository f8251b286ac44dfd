// The chat room: each page that joins has a stream of messages open, and is called for everything else: who are you, who is here, who types.
import { EventEmitter, once } from 'node:events'
import { CallError } from 'peerplex'

/** Messages kept for those who come later. */
const MAX_MESSAGES = 50
const MAX_NAME = 24
const MAX_TEXT = 500

/** @typedef {import('peerplex').RemotePeer} RemotePeer */
/** @typedef {{ number: number, from: string, key: number, name: string, text: string, at: Date }} Message */

/** @param {AbortSignal} ending aborted when the streams are to end */
export function createRoom(ending) {
  /** @type {Message[]} */
  const messages = []
  /** Who takes part, and the name that each page has given. @type {Map<RemotePeer, Promise<string>>} */
  const pages = new Map()
  const news = new EventEmitter().setMaxListeners(0)

  /** Calls all pages but one. A page that does not read is given up. @param {string} name @param {unknown} input @param {RemotePeer} [except] */
  function tell(name, input, except) {
    const options = { waitForReady: false, timeoutMs: 2_000 }
    const others = [...pages.keys()].filter((page) => page !== except)
    return Promise.allSettled(others.map((page) => page.notify(name, input, options)))
  }

  async function tellPeople() {
    const names = await Promise.allSettled(pages.values())
    tell(
      'people',
      names.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
    )
  }

  /** @param {unknown} _input @param {import('peerplex').Context} ctx */
  function join(_input, { remote, signal }) {
    const asked = askName(remote)
    const leave = () => {
      if (pages.get(remote) === asked) pages.delete(remote)
      tellPeople()
    }
    // Within this turn, and not in the generator, which begins later: what the page says next may be here already.
    pages.set(remote, asked)
    signal.addEventListener('abort', leave)
    asked.then((name) => {
      tell('notice', `${name} is here`, remote)
      tellPeople()
    }, leave)
    return messagesFor(asked, AbortSignal.any([signal, ending]))
  }

  /** @param {Promise<string>} asked @param {AbortSignal} isOver */
  async function* messagesFor(asked, isOver) {
    await asked // who does not say who it is gets an error instead
    for (let seen = 0; !isOver.aborted; ) {
      const fresh = messages.filter(({ number }) => number > seen)
      if (fresh.length === 0) await once(news, 'message', { signal: isOver }).catch(() => {})
      // A yield waits for the page. One that is too slow misses what is no longer kept, and fills no memory.
      for (const message of fresh) yield message
      seen = fresh.at(-1)?.number ?? seen
    }
  }

  /** @param {{ key?: unknown, text?: unknown } | undefined} input @param {import('peerplex').Context} ctx */
  async function say(input, { remote }) {
    const name = await pages.get(remote)
    if (name === undefined) {
      throw new CallError('FAILED_PRECONDITION', 'you are not in the room', {
        hint: "open the stream 'chat.join'",
      })
    }
    const text = textOf(input?.text, 'message', MAX_TEXT)
    const key = Number(input?.key)
    if (!Number.isSafeInteger(key)) {
      throw new CallError('INVALID_ARGUMENT', 'the key is no whole number', { hint: 'count your messages' })
    }
    // Good enough among friends: a page chooses its id itself, and may choose that of another. Where it matters, ask for a password.
    const known = messages.find((message) => message.from === remote.id && message.key === key)
    if (known !== undefined) return known // said before, over a connection that was lost before the answer
    const number = (messages.at(-1)?.number ?? 0) + 1
    const message = { number, from: remote.id, key, name, text, at: new Date() }
    messages.push(message)
    if (messages.length > MAX_MESSAGES) messages.shift()
    news.emit('message')
    return message
  }

  /** @param {unknown} _input @param {import('peerplex').Context} ctx */
  async function typing(_input, { remote }) {
    const name = await pages.get(remote)
    if (name !== undefined) await tell('typing', name, remote)
  }

  return { tell, handlers: { 'chat.join': join, 'chat.say': say, 'chat.typing': typing } }
}

/** The server calls the page as the page calls the server. @param {RemotePeer} page */
async function askName(page) {
  return textOf(await page.call('whoami', undefined, { timeoutMs: 5_000 }), 'name', MAX_NAME)
}

/** @param {unknown} value @param {string} what @param {number} maxLength */
function textOf(value, what, maxLength) {
  const text = typeof value === 'string' ? value.trim() : ''
  if (text.length > 0 && text.length <= maxLength) return text
  const problem = text === '' ? 'is empty' : `has ${text.length} characters`
  throw new CallError('INVALID_ARGUMENT', `the ${what} ${problem}`, {
    hint: `give 1 to ${maxLength} characters`,
  })
}
