// Owns: the processes of a run: starting them, hearing from them, and seeing that none is left.
// Must not know: what they do.

import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** @typedef {{ do: string } & Record<string, any>} Message */

/** How long a process may take to say what it was asked for, and to end when nothing holds it any more. */
const MAX_ANSWER_MS = 60_000
const MAX_END_MS = 5_000

/** What went wrong with a process; whoever waits for it waits in vain. */
class ChildError extends Error {}

export class Child {
  /** It was told to go, or killed. */
  mayEnd = false
  /** @type {import('node:child_process').ChildProcess} */
  process
  /** @type {Promise<void>} */
  ended
  #emitter = new EventEmitter()
  #hasEnded = false

  /** @param {string} name @param {import('node:child_process').ChildProcess} process */
  constructor(name, process) {
    this.name = name
    this.process = process
    this.#emitter.setMaxListeners(0)
    process.on('message', (message) => {
      const said = /** @type {Message} */ (message)
      this.#emitter.emit('message', said)
      this.#emitter.emit(`do ${said.do}`, said)
    })
    this.ended = new Promise((resolve) => {
      process.on('exit', () => {
        this.#hasEnded = true
        this.#emitter.emit('gone')
        resolve()
      })
    })
  }

  /** @param {Message} message */
  send(message) {
    if (this.process.connected) this.process.send(message)
  }

  /** @param {(message: Message) => void} onMessage */
  onMessage(onMessage) {
    this.#emitter.on('message', onMessage)
  }

  /** The next message of that kind. Rejects with ChildError when the process ends before, or takes too long. @param {string} kind @param {number} [maxMs] @returns {Promise<Message>} */
  async said(kind, maxMs = MAX_ANSWER_MS) {
    const over = new AbortController()
    const { signal } = over
    const wait = (/** @type {string} */ event) => once(this.#emitter, event, { signal })
    const isBounded = maxMs !== Number.POSITIVE_INFINITY
    const timer = isBounded ? setTimeout(() => this.#emitter.emit(`late ${kind}`), maxMs) : undefined
    try {
      if (this.#hasEnded) throw new ChildError(`${this.name} has ended instead of saying '${kind}'`)
      const why = await Promise.race([
        wait(`do ${kind}`).then(([message]) => /** @type {Message} */ (message)),
        wait('gone').then(() => 'ended instead of saying'),
        wait(`late ${kind}`).then(() => `took more than ${maxMs} ms before saying`),
      ])
      if (typeof why === 'string') throw new ChildError(`${this.name} ${why} '${kind}'`)
      return why
    } finally {
      clearTimeout(timer)
      over.abort()
    }
  }

  /** Tells it to do something, and waits until it says that it did. @param {string} what @param {string} answer */
  ask(what, answer) {
    const said = this.said(answer)
    this.send({ do: what })
    return said
  }

  /** It was told to go: whether it ends by itself. Killed otherwise. @returns {Promise<boolean>} */
  async endsByItself(maxMs = MAX_END_MS) {
    this.mayEnd = true
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const isLate = new Promise((resolve) => {
      timer = setTimeout(() => resolve(true), maxMs)
    })
    const hasEnded = await Promise.race([this.ended.then(() => true), isLate.then(() => false)])
    clearTimeout(timer)
    if (!hasEnded) this.kill()
    return hasEnded
  }

  kill() {
    this.mayEnd = true
    this.process.kill('SIGKILL')
  }
}

export class Children {
  /** Those that are there. @type {Set<Child>} */
  #alive = new Set()
  #onTrouble

  /** @param {(text: string) => void} onTrouble is told of each that ends and should not, and of each error that it reports */
  constructor(onTrouble) {
    this.#onTrouble = onTrouble
  }

  /**
   * `program`: a file beside main.mjs. `within`: a command that runs it, with its arguments, such as that of a network namespace.
   * @param {string} program @param {{ name: string } & Record<string, unknown>} setup @param {readonly string[]} [within]
   */
  start(program, setup, within = []) {
    const file = fileURLToPath(new URL(`../${program}`, import.meta.url))
    const [execPath, ...execArgv] = [...within, process.execPath]
    const child = new Child(setup.name, fork(file, [JSON.stringify(setup)], { execPath, execArgv }))
    this.#alive.add(child)
    child.onMessage((message) => {
      if (message.do === 'error') this.#onTrouble(message.text)
    })
    child.process.on('exit', (code, signal) => {
      this.#alive.delete(child)
      if (!child.mayEnd) this.#onTrouble(`${child.name} ended: ${signal ?? `exit code ${code}`}`)
    })
    return child
  }

  /** Kills all that are left, at once. */
  killAll() {
    for (const child of this.#alive) child.kill()
  }
}

/** Tells processes to go, and waits until they have gone; names of those that do not end by themselves. @param {readonly Child[]} children */
export async function dismissAll(children) {
  const late = await Promise.all(
    children.map(async (child) => {
      child.mayEnd = true
      await child.ask('leave', 'left')
      return (await child.endsByItself()) ? '' : child.name
    }),
  )
  return late.filter((name) => name !== '')
}
