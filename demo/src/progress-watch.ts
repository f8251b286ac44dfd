// Owns: what is seen while the demonstration runs: the progress line, and that something moves at all.
// Must not know: what is counted.
import type { SideProgress } from './side.js'
import { countText, megabytesText } from './texts.js'

const LOOK_EVERY_MS = 100
/** The longest silence that is meant is the pause of a reader, a second. */
const STALL_MS = 20_000
/** Back to the first column, and away with what is there. */
const CLEAR_LINE = '\r\u001b[K'

export class ProgressWatch {
  /** Never resolves; rejects when nothing has moved for long. */
  readonly stall: Promise<never>
  readonly #read: () => SideProgress
  readonly #isShown: boolean = process.stderr.isTTY === true
  readonly #timer: NodeJS.Timeout
  #reject: (error: Error) => void = () => {}
  #lastSum = -1
  #movedMs = performance.now()

  constructor(read: () => SideProgress) {
    this.#read = read
    this.stall = new Promise((_resolve, reject) => {
      this.#reject = reject
    })
    // Nobody may be waiting for it any more.
    this.stall.catch(() => {})
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  /** Takes the line away; may be called again. */
  stop(): void {
    clearInterval(this.#timer)
    if (this.#isShown) process.stderr.write(CLEAR_LINE)
  }

  #look(): void {
    const { sentBytes, receivedBytes, callCount } = this.#read()
    if (this.#isShown) {
      const line = `sent ${megabytesText(sentBytes)}, received ${megabytesText(receivedBytes)}, ${countText(callCount)} calls`
      process.stderr.write(`${CLEAR_LINE}${line}`)
    }
    const nowMs = performance.now()
    const sum = sentBytes + receivedBytes + callCount
    if (sum !== this.#lastSum) this.#movedMs = nowMs
    this.#lastSum = sum
    if (nowMs - this.#movedMs > STALL_MS) this.#reject(new Error(`nothing moved for ${STALL_MS / 1000} s`))
  }
}
