// Owns: many small calls at once: each opens a channel with one message and expects that message back.
// Must not know: files, processes, how results are shown.
import type { ChannelSink, Outcome, Session } from '@peerplex/wire'

export const ECHO_CHANNEL = 'demo/echo'
/** Calls under way at any time. */
const CONCURRENT_CALLS = 64
/** Calls that follow each other on each of those. */
const ROUNDS = 250
const QUESTION_BYTES = 64

export interface CallsReport {
  readonly expectedCount: number
  /** Calls whose answer was equal to the question. */
  readonly rightCount: number
  /** Payload bytes of all questions. */
  readonly byteCount: number
  readonly elapsedMs: number
  /** What went wrong first; empty when nothing did. */
  readonly problem: string
}

/** Answers with the message that came; one object serves all channels. */
export const ECHO_SINK: ChannelSink = {
  onMessage: (payload, _headers, channel) => {
    // Copied: what a sink is given is only borrowed.
    channel.sendLast(payload.slice())
    channel.settle()
  },
  onClose: (_outcome, channel) => channel.settle(),
}

export class EchoCalls {
  rightCount = 0
  readonly #session: Session
  readonly #startedMs = performance.now()
  #byteCount = 0
  #problem = ''

  constructor(session: Session) {
    this.#session = session
  }

  /** Resolves when the last call has ended; a call that fails is counted, not thrown. */
  async run(): Promise<CallsReport> {
    await Promise.all(
      Array.from({ length: CONCURRENT_CALLS }, (_, index) => new CallSeries(this, index).done),
    )
    return {
      expectedCount: CONCURRENT_CALLS * ROUNDS,
      rightCount: this.rightCount,
      byteCount: this.#byteCount,
      elapsedMs: performance.now() - this.#startedMs,
      problem: this.#problem,
    }
  }

  /** Begins one call; false when the session takes no more. */
  open(question: Uint8Array, sink: ChannelSink): boolean {
    if (!this.#session.isUsable) return false
    this.#byteCount += question.length
    this.#session.open(ECHO_CHANNEL, { message: question, isLast: true, sink })
    return true
  }

  onResult(isRight: boolean, problem: string): void {
    if (isRight) this.rightCount++
    else if (this.#problem === '') this.#problem = problem
  }
}

/** Calls one after the other. */
class CallSeries implements ChannelSink {
  readonly done: Promise<void>
  readonly #calls: EchoCalls
  readonly #index: number
  #finish: () => void = () => {}
  #round = 0
  #question: Uint8Array
  #isRight = false

  constructor(calls: EchoCalls, index: number) {
    this.#calls = calls
    this.#index = index
    this.#question = questionOf(index, 0)
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#next()
  }

  onMessage(payload: Uint8Array): void {
    this.#isRight = Buffer.compare(payload, this.#question) === 0
  }

  onClose(outcome: Outcome): void {
    this.#calls.onResult(
      this.#isRight && outcome.code === 0,
      outcome.code === 0 ? 'an answer differs from its question' : `${outcome.name} ${outcome.message}`,
    )
    this.#round++
    if (this.#round === ROUNDS) this.#finish()
    else this.#next()
  }

  #next(): void {
    this.#isRight = false
    this.#question = questionOf(this.#index, this.#round)
    if (!this.#calls.open(this.#question, this)) this.#finish()
  }
}

/** Bytes that no other call has. */
function questionOf(series: number, round: number): Uint8Array {
  const question = new Uint8Array(QUESTION_BYTES)
  const view = new DataView(question.buffer)
  for (let at = 0; at < QUESTION_BYTES; at += 8) {
    view.setUint32(at, series)
    view.setUint32(at + 4, round)
  }
  return question
}
