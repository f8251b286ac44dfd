// Owns: playing a transcript against a session, step by step, with its bytes cut in a given way (spec/vectors/README.md).
// Must not know: what the application does in a `do` step, how frames are read.
import { advanceWith, concat, ping, preface, SessionHost, unhex, VirtualClock } from '@peerplex/testkit'
import type { SessionLimits } from '@peerplex/wire'
import { expect } from 'vitest'
import { Application } from './transcript-application.js'
import { expand, type SendStep, type Step, type Transcript } from './transcript-files.js'
import { FrameQueue } from './transcript-queue.js'

/** How the bytes of `send` steps come to the endpoint. It makes no difference, says the specification. */
export type Delivery = 'whole' | 'byte by byte' | 'sends glued in pairs' | 'part of a frame behind'

const INSTANCE = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'
/** HELLO of the runner: the defaults, but idleMs 0. */
const HELLO =
  '380000000100380000000000380000000000000000000100000040000000040000400000000040000004000000401000' +
  '00000000000102030405060708090a0b0c0d0e0f'
const PONG_HEADER = '080000000900000000000000'
/** These may be left wherever the queue has to be empty of all others. */
const UNCLAIMED = ['CREDIT', 'PING']

/** PING that follows the last step in two parts; no transcript uses these eight bytes. */
const LAST_PING = 'fefdfcfbfaf9f8f7'
const FIRST_PART_BYTES = 7
const ENHANCE_CALM = 68

/** The deliveries that differ for a transcript. Messages of a message connection are neither cut nor joined. */
export function deliveriesOf({ kind, options, steps }: Transcript): Delivery[] {
  const deliveries: Delivery[] = ['whole']
  const isGreeted = options?.handshake !== 'none' || steps.some(isSend)
  // An endpoint that has got nothing at all waits for the preface, not for a frame.
  if (kind === 'message' || !isGreeted) return deliveries
  deliveries.push('byte by byte')
  if (steps.some((step, index) => isSend(step) && isSend(steps[index + 1]))) {
    deliveries.push('sends glued in pairs')
  }
  deliveries.push('part of a frame behind')
  return deliveries
}

/** Plays a transcript; throws when the endpoint does not do what it says. */
export function playTranscript(transcript: Transcript, delivery: Delivery): void {
  new Runner(transcript, delivery).play()
}

class Runner {
  readonly #transcript: Transcript
  readonly #delivery: Delivery
  readonly #clock = new VirtualClock()
  readonly #application = new Application()
  readonly #host: SessionHost
  readonly #queue: FrameQueue
  /** Whether a `closed` step has seen the end. */
  #isEndSeen = false

  constructor(transcript: Transcript, delivery: Delivery) {
    const { handshake: _, auth, ...limits } = transcript.options ?? {}
    this.#transcript = transcript
    this.#delivery = delivery
    this.#queue = new FrameQueue(transcript.kind)
    this.#host = new SessionHost(this.#clock, transcript.kind, {
      sink: this.#application.sink,
      instance: unhex(INSTANCE),
      limits: limits as Partial<SessionLimits>,
      isAuthRequired: auth === true,
    })
  }

  play(): void {
    const { steps, options } = this.#transcript
    this.#host.session.start()
    this.#pump()
    if (options?.handshake !== 'none') this.#handshake()
    for (let index = 0; index < steps.length; ) {
      const taken = this.#takeSteps(index)
      try {
        this.#playSteps(taken)
      } catch (error) {
        throw atStep(error, index, taken)
      }
      index += taken.length
    }
    this.#finish()
    if (this.#delivery === 'part of a frame behind') this.#sendPartly(ping({ payload: unhex(LAST_PING) }))
  }

  /** The step, or two when they are sent as one. */
  #takeSteps(index: number): Step[] {
    const pair = this.#transcript.steps.slice(index, index + 2)
    return this.#delivery === 'sends glued in pairs' && pair.every(isSend) ? pair : pair.slice(0, 1)
  }

  #playSteps(steps: readonly Step[]): void {
    const [step] = steps
    if (step === undefined) return
    if (isSend(step)) this.#deliver(concat(steps.filter(isSend).map((each) => this.#bytesOf(each))))
    else if ('recv' in step) this.#receive(step.recv)
    else if ('now' in step) advanceWith(this.#clock, step.now - this.#clock.now(), () => this.#pump())
    else if ('closed' in step) this.#expectClosed(step.closed)
    else {
      this.#application.perform(this.#host.session, step.do)
      this.#pump()
    }
  }

  #handshake(): void {
    const isByte = this.#transcript.kind === 'byte'
    if (isByte) expect(this.#queue.takePreface(), 'preface of the endpoint').not.toBeNull()
    expect(this.#queue.take()?.type, 'first frame of the endpoint').toBe('HELLO')
    this.#deliver(concat([isByte ? preface() : new Uint8Array(0), unhex(HELLO)]))
  }

  // ---- to the endpoint ----------------------------------------------------------------------------------------------

  #bytesOf({ send }: SendStep): Uint8Array {
    if (!(typeof send === 'object' && 'frame' in send)) return expand(send)
    if (this.#queue.newestPing === null) throw new Error('a PONG without a PING')
    return unhex(PONG_HEADER + this.#queue.newestPing)
  }

  #deliver(bytes: Uint8Array): void {
    const { session } = this.#host
    if (this.#delivery === 'byte by byte' && this.#transcript.kind === 'byte') {
      for (let at = 0; at < bytes.length; at++) session.receive(bytes.subarray(at, at + 1))
    } else session.receive(bytes)
    this.#pump()
  }

  /** All output that the endpoint has at this time. */
  #pump(): void {
    for (const parts of this.#host.takeAll()) this.#queue.push(parts)
  }

  // ---- from the endpoint --------------------------------------------------------------------------------------------

  #receive(wanted: Extract<Step, { recv: unknown }>['recv']): void {
    if (wanted === null) {
      expect(this.#queue.next, 'nothing should come').toBeNull()
      return
    }
    if (typeof wanted === 'string') {
      expect(this.#queue.takePreface(), 'preface').toBe(wanted)
      return
    }
    const { frame: type, skip = [], ...fields } = wanted
    const pattern = { type, ...fields }
    const seen = (): object => pick(this.#queue.next ?? {}, Object.keys(pattern))
    while (this.#queue.next !== null && skip.includes(this.#queue.next.type) && !isSame(seen(), pattern)) {
      this.#queue.take()
    }
    expect(this.#queue.next, `nothing came, but should have: ${JSON.stringify(wanted)}`).not.toBeNull()
    expect(seen(), `the frame was ${JSON.stringify(this.#queue.next).slice(0, 500)}`).toEqual(pattern)
    this.#queue.take()
  }

  #expectClosed(code: string | null): void {
    const { isClosed, closeError } = this.#application.sink
    expect(isClosed ? (closeError?.code ?? null) : 'still open', 'how the session ended').toBe(code)
    this.#expectNothingLeft()
    this.#isEndSeen = true
  }

  #expectNothingLeft(): void {
    expect(this.#queue.restWithout(UNCLAIMED), 'frames that no step has taken').toEqual([])
  }

  /** What holds after the last step of every transcript. */
  #finish(): void {
    this.#expectNothingLeft()
    const { closeError, handlerErrors } = this.#application.sink
    if (!this.#isEndSeen) expect(closeError, 'an end that no step has seen').toBeNull()
    expect(handlerErrors, 'what the application has thrown').toEqual([])
  }

  /** The beginning of a frame changes nothing; the rest makes it one. */
  #sendPartly(frame: Uint8Array): void {
    const { session } = this.#host
    const seen = (): object => ({
      state: session.state,
      frames: this.#queue.length,
      events: this.#application.eventCount,
    })
    const before = seen()
    const wasOpen = session.isOpen
    this.#deliver(frame.subarray(0, FIRST_PART_BYTES))
    expect(seen(), 'after a part of a PING').toEqual(before)
    // A transcript may have brought the other side's account to 0; then the PING is one too many.
    const isCalmDue = wasOpen && session.stats().economyBalance === 0
    this.#deliver(frame.subarray(FIRST_PART_BYTES))
    if (isCalmDue) this.#receive({ frame: 'GOAWAY', code: ENHANCE_CALM, skip: UNCLAIMED })
    else if (wasOpen) this.#receive({ frame: 'PONG', payload: LAST_PING, skip: UNCLAIMED })
    this.#expectNothingLeft()
    expect(session.isOpen, 'open after the whole PING').toBe(wasOpen && !isCalmDue)
  }
}

function isSend(step: Step | undefined): step is SendStep {
  return step !== undefined && 'send' in step
}

function pick(frame: object, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(frame).filter(([field]) => fields.includes(field)))
}

function isSame(seen: object, pattern: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(pattern).every(
    ([field, value]) => JSON.stringify((seen as Record<string, unknown>)[field]) === JSON.stringify(value),
  )
}

/** Says where in the transcript an error happened; what vitest shows of it stays. */
function atStep(error: unknown, index: number, steps: readonly Step[]): unknown {
  if (error instanceof Error) {
    error.message = `step ${index} ${JSON.stringify(steps).slice(0, 300)}: ${error.message}`
  }
  return error
}
