// Owns: the second process as the first one sees it: starting it, hearing from it, and its end.
// Must not know: what it does.
import { type ChildProcess, fork } from 'node:child_process'
import type { ListenerMessage } from './listener.js'
import type { SideReport } from './side.js'

/** First argument of the program when it is to be the second process. */
export const LISTENER_ARGUMENT = '--listener'

export class ListenerProcess {
  /** Rejects when the process ends before. */
  readonly port: Promise<number>
  /** Rejects when the process ends before. */
  readonly report: Promise<SideReport>
  /** How it ended: empty for well. */
  readonly ending: Promise<string>
  readonly #child: ChildProcess

  /** Starts `program` once more. */
  constructor(program: string, file: string) {
    const child = fork(program, [LISTENER_ARGUMENT, file])
    this.#child = child
    this.ending = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(endingText(child.pid, code, signal)))
      child.once('error', (error) => resolve(`the listener process could not be started: ${error.message}`))
    })
    this.port = this.#hear((message) => (message.kind === 'listening' ? message.port : undefined))
    this.report = this.#hear((message) => (message.kind === 'report' ? message.report : undefined))
  }

  /** At once and whatever it does; nothing when it has ended. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #hear<T>(pick: (message: ListenerMessage) => T | undefined): Promise<T> {
    const heard = new Promise<T>((resolve, reject) => {
      this.#child.on('message', (message) => {
        const picked = pick(message as ListenerMessage)
        if (picked !== undefined) resolve(picked)
      })
      this.ending.then((text) => reject(new Error(text === '' ? 'the listener process ended early' : text)))
    })
    // Nobody may be waiting for it yet, or any more.
    heard.catch(() => {})
    return heard
  }
}

function endingText(pid: number | undefined, code: number | null, signal: string | null): string {
  if (code === 0) return ''
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
  return `the listener process (pid ${pid}) ${how}`
}
