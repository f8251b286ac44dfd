// Owns: the second process as the first one sees it: what it is told at the start and what it reports.
// Must not know: what it does.
import { ForkedProcess } from './forked-process.js'
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
  readonly #process: ForkedProcess<ListenerMessage>

  /** Starts `program` once more. */
  constructor(program: string, file: string) {
    const forked = new ForkedProcess<ListenerMessage>('the listener process', program, [
      LISTENER_ARGUMENT,
      file,
    ])
    this.#process = forked
    this.ending = forked.ending
    this.port = forked.hear((message) => (message.kind === 'listening' ? message.port : undefined))
    this.report = forked.hear((message) => (message.kind === 'report' ? message.report : undefined))
  }

  /** At once and whatever it does; nothing when it has ended. */
  kill(): void {
    this.#process.kill()
  }
}
