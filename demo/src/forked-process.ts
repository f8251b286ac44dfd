// Owns: another process of this program as the one that forked it sees it: starting it, hearing from it, and its end.
// Must not know: what it does. The other side of it is child-life.ts.
import { type ChildProcess, fork } from 'node:child_process'

export class ForkedProcess<Message> {
  /** How it ended: empty for well. */
  readonly ending: Promise<string>
  readonly #child: ChildProcess
  readonly #title: string

  /** Starts `program` once more; `title` names the process to people. */
  constructor(title: string, program: string, args: readonly string[]) {
    const child = fork(program, args)
    this.#child = child
    this.#title = title
    this.ending = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(endingText(`${title} (pid ${child.pid})`, code, signal)))
      child.once('error', (error) => resolve(`${title} could not be started: ${error.message}`))
    })
  }

  /** The first message that `pick` takes something from; rejects when the process ends before. */
  hear<T>(pick: (message: Message) => T | undefined): Promise<T> {
    const heard = new Promise<T>((resolve, reject) => {
      this.#child.on('message', (message) => {
        const picked = pick(message as Message)
        if (picked !== undefined) resolve(picked)
      })
      this.ending.then((text) => reject(new Error(text === '' ? `${this.#title} ended early` : text)))
    })
    // Nobody may be waiting for it yet, or any more.
    heard.catch(() => {})
    return heard
  }

  /** A process that is gone hears nothing; its end says so. */
  tell(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** At once and whatever it does; nothing when it has ended. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

function endingText(who: string, code: number | null, signal: string | null): string {
  if (code === 0) return ''
  return `${who} ${signal === null ? `ended with code ${code}` : `was ended by ${signal}`}`
}
