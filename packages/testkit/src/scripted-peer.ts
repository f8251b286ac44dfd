/**
 * Owns: the other side of one session, played by a script of raw frames over virtual time. Every step is
 * synchronous; every failure shows the last events on the wire.
 * Must not know: the rules of the protocol beyond layout: what is right in a situation is said by the test.
 */
import type { ConnectionKind, Session } from '@peerplex/wire'
import { concat, equalBytes, hex } from './bytes.js'
import { describeFrame } from './describe-frame.js'
import { hello, preface, type RawHello } from './frame-builders.js'
import { describeMatcher, type FrameMatcher, frameDifference } from './frame-matcher.js'
import { lend } from './lend.js'
import { type Chunker, wholeChunks } from './memory-pair.js'
import { naiveDecode } from './naive-codec.js'
import {
  HEADER_BYTES,
  type NaiveFrame,
  type NaiveKind,
  PREFACE,
  RAW_CONNECTION_CODE,
  RAW_FLAG,
} from './naive-frames.js'
import type { RecordingSessionSink, SessionEvent } from './recording-sink.js'
import { advanceWith, type HostedSessionOptions, SessionHost } from './session-host.js'
import { Timeline } from './timeline.js'
import { VirtualClock } from './virtual-clock.js'

export interface ScriptedPeerOptions extends HostedSessionOptions {
  readonly kind?: ConnectionKind
  readonly clock?: VirtualClock
  /** How `send` cuts its bytes on a byte connection. */
  readonly chunker?: Chunker
  /** Whether the session is started by the constructor; true by default. */
  readonly isStarted?: boolean
  /** Frames of these kinds are put aside (see `ignored`) instead of being expected. */
  readonly ignoring?: readonly NaiveKind[]
}

interface Received {
  readonly frame: NaiveFrame
  readonly bytes: Uint8Array
}

/** What may be said about the GOAWAY of a session that has ended. */
export type GoawayExpectation = 'required' | 'none' | 'any'

/** Before the script has sent a HELLO, a session may use the least that any HELLO can announce. */
const FLOORS = { maxFrame: 16384, maxMeta: 4096 } as const

/** Plays the remote end of `session`. */
export class ScriptedPeer {
  readonly clock: VirtualClock
  readonly kind: ConnectionKind
  readonly session: Session
  readonly sink: RecordingSessionSink
  readonly timeline: Timeline
  /** Frames that were put aside because of their kind. */
  readonly ignored: NaiveFrame[] = []
  /** May be changed between steps. */
  ignoring: readonly NaiveKind[]
  chunker: Chunker
  readonly #host: SessionHost
  #inbox: Received[] = []
  #pending: Uint8Array = new Uint8Array(0)
  #isPrefaceSeen: boolean
  #isHelloSeen = false
  #isHelloSent = false
  #announced: { maxFrame: number; maxMeta: number } = FLOORS

  constructor(options: ScriptedPeerOptions = {}) {
    const {
      kind = 'byte',
      clock = new VirtualClock(),
      chunker = wholeChunks,
      ignoring = [],
      ...rest
    } = options
    const { isStarted = true, ...hosted } = rest
    this.kind = kind
    this.clock = clock
    this.chunker = chunker
    this.ignoring = ignoring
    this.timeline = new Timeline(clock.now)
    this.#isPrefaceSeen = kind === 'message'
    this.#host = new SessionHost(clock, kind, { ...hosted, observer: (event) => this.#note(event) })
    this.session = this.#host.session
    this.sink = this.#host.sink
    if (isStarted) this.session.start()
  }

  /** Sends preface and HELLO and expects those of the session. Returns the session's HELLO. */
  handshake(fields: RawHello = {}): NaiveFrame {
    const theirs = this.expect('HELLO', 'the HELLO of the session')
    if (this.kind === 'byte') this.sendRaw(preface(), 'preface')
    this.sendHello(fields)
    if (this.sink.hello === null) this.fail('the session has not taken the HELLO')
    return theirs
  }

  /** Sends a HELLO. */
  sendHello(fields: RawHello = {}): void {
    this.send(hello(fields), 'our HELLO')
  }

  /** Sends frames, or bytes that are meant to be some; on a message connection all in one message. */
  send(frames: Uint8Array | readonly Uint8Array[], comment = ''): void {
    const bytes = frames instanceof Uint8Array ? frames : concat(frames)
    if (!this.#isHelloSent) this.#announce(bytes)
    this.timeline.bytes('to', bytes, comment)
    this.#deliver(bytes)
  }

  /** Sends bytes that are no frames. */
  sendRaw(bytes: Uint8Array, comment = ''): void {
    this.timeline.bytes('to', bytes, comment, [`${bytes.length} raw bytes`])
    this.#deliver(bytes)
  }

  /** Ends the session's input: the transport is gone or half-closed. */
  endInput(comment = ''): void {
    this.timeline.note(`end of the session’s input${comment === '' ? '' : `: ${comment}`}`)
    this.#call('receiveEnd', () => this.session.receiveEnd())
  }

  /** The next frame of the session must be like this one; returns it. */
  expect(matcher: FrameMatcher, comment = ''): NaiveFrame {
    this.#collect()
    const wanted = `${describeMatcher(matcher)}${comment === '' ? '' : ` (${comment})`}`
    const next = this.#inbox.shift()
    if (next === undefined) return this.fail(`expected ${wanted}, but the session has sent nothing`)
    const difference = frameDifference(next.frame, next.bytes, matcher)
    if (difference === null) return next.frame
    return this.fail(`expected ${wanted}\n     got ${describeFrame(next.bytes)}\n because ${difference}`)
  }

  /** The next frames, in this order. */
  expectAll(matchers: readonly FrameMatcher[], comment = ''): NaiveFrame[] {
    return matchers.map((matcher) => this.expect(matcher, comment))
  }

  /** The next frames, each matched once, in whatever order; returned in the order of the matchers. */
  expectUnordered(matchers: readonly FrameMatcher[], comment = ''): NaiveFrame[] {
    this.#collect()
    return matchers.map((matcher) => {
      const window = this.#inbox.slice(0, matchers.length)
      const found = window.find((one) => frameDifference(one.frame, one.bytes, matcher) === null)
      if (found === undefined) {
        const got = window.map((one) => describeFrame(one.bytes)).join('\n         ')
        return this.fail(
          `expected ${describeMatcher(matcher)} (${comment}) among\n         ${got || 'nothing'}`,
        )
      }
      this.#inbox.splice(this.#inbox.indexOf(found), 1)
      return found.frame
    })
  }

  /** The session must have sent nothing since the last expectation, and must be alive. */
  expectNothing(comment = ''): void {
    this.#collect()
    this.#expectEmptyInbox(comment)
    if (this.sink.isClosed) this.fail(`the session has ended (${comment})`)
  }

  /**
   * The session must have ended with this error code (a name as in the protocol's table), or, for null, without
   * an error. A connection code must have been announced by a GOAWAY as the last frame, unless told otherwise.
   */
  expectClosed(code: string | null, comment = '', goaway?: GoawayExpectation): void {
    this.#collect()
    const wanted = `the end of the session with ${code ?? 'no error'}${comment === '' ? '' : ` (${comment})`}`
    if (!this.sink.isClosed) this.fail(`expected ${wanted}, but it lives`)
    const actual = this.sink.closeError?.code ?? null
    if (actual !== code) this.fail(`expected ${wanted}, but it ended with ${actual ?? 'no error'}`)
    const wireCode = code === null ? 0 : RAW_CONNECTION_CODE[code]
    const isAnnounced = code !== null && code !== 'VERSION' && wireCode !== undefined
    const expectation = goaway ?? (isAnnounced ? 'required' : 'any')
    const last = this.#inbox.at(-1)
    if (last?.frame.kind === 'GOAWAY' && expectation !== 'none') {
      const difference = frameDifference(last.frame, last.bytes, {
        kind: 'GOAWAY',
        flags: RAW_FLAG.FINAL,
        ...(wireCode === undefined ? {} : { code: wireCode }),
      })
      if (difference !== null) this.fail(`the GOAWAY is wrong: ${difference}`)
      this.#inbox.pop()
    } else if (expectation === 'required') {
      this.fail(`expected a GOAWAY FINAL with ${code} as the last frame`)
    }
    this.#expectEmptyInbox(comment)
  }

  /** All frames of the session that no expectation has taken yet; they count as taken now. */
  takeFrames(): NaiveFrame[] {
    this.#collect()
    const frames = this.#inbox.map((one) => one.frame)
    this.#inbox = []
    return frames
  }

  /** Moves time on; the session's timers run, its output is collected after each. */
  advance(ms: number): void {
    this.timeline.note(`${ms} ms pass`)
    this.#call('tick', () => advanceWith(this.clock, ms, () => this.#collect()))
  }

  /** Adds a line to the timeline. */
  note(text: string): void {
    this.timeline.note(text)
  }

  /** Throws with the last events on the wire. */
  fail(text: string, cause?: unknown): never {
    const message = `${text}\n\nThe last events (--> to the session, <-- from it):\n${this.timeline.format()}`
    throw new Error(message, cause === undefined ? undefined : { cause })
  }

  /** Remembers what our HELLO announces: from now on the session's frames are measured by it. */
  #announce(bytes: Uint8Array): void {
    const first = naiveDecode(bytes).frames[0]
    if (first?.kind !== 'HELLO') return
    this.#collect()
    this.#isHelloSent = true
    this.#announced = { maxFrame: first.maxFrame, maxMeta: first.maxMeta }
  }

  #deliver(bytes: Uint8Array): void {
    const chunks = this.kind === 'byte' ? this.chunker(bytes) : [bytes]
    this.#call('receive', () => {
      for (const chunk of chunks) lend(this.session, chunk)
    })
  }

  /** A session must not throw, whatever it is fed. */
  #call(name: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof Error && error.message.includes('The last events')) throw error
      this.fail(`${name} has thrown ${error instanceof Error ? error.message : String(error)}`, error)
    }
  }

  /** Takes the session's output and cuts it into frames, which must be legal for what the script has announced. */
  #collect(): void {
    for (const parts of this.#host.takeAll()) {
      const bytes = concat(parts)
      this.#pending = this.#isPrefaceSeen ? concat([this.#pending, bytes]) : this.#cutPreface(bytes)
      this.#decodePending()
    }
  }

  #cutPreface(bytes: Uint8Array): Uint8Array {
    const start = bytes.slice(0, PREFACE.length)
    this.timeline.bytes('from', start, '', ['preface'])
    if (!equalBytes(start, preface())) this.fail(`the session has sent ${hex(start)} as its preface`)
    this.#isPrefaceSeen = true
    return bytes.slice(PREFACE.length)
  }

  #decodePending(): void {
    const bytes = this.#pending
    const result = naiveDecode(bytes, {
      ...this.#announced,
      helloSeen: this.#isHelloSeen,
      isWholeMessage: true,
    })
    for (const frame of result.frames) {
      const whole = bytes.slice(frame.at, frame.at + HEADER_BYTES + frame.size)
      this.timeline.bytes('from', whole)
      if (this.ignoring.includes(frame.kind)) this.ignored.push(frame)
      else this.#inbox.push({ frame, bytes: whole })
    }
    this.#isHelloSeen = result.helloSeen
    this.#pending = new Uint8Array(0)
    if (result.error === undefined) return
    this.timeline.bytes('from', bytes.slice(result.at))
    this.fail(`the session has sent an illegal frame: ${result.error}, ${result.reason}`)
  }

  #expectEmptyInbox(comment: string): void {
    const next = this.#inbox[0]
    if (next !== undefined) this.fail(`unexpected ${describeFrame(next.bytes)} (${comment})`)
  }

  #note(event: SessionEvent): void {
    switch (event.type) {
      case 'hello':
        this.timeline.note('session: HELLO taken')
        break
      case 'channel':
        this.timeline.note(`session: channel ${event.channel.id} ${JSON.stringify(event.channel.name)}`)
        break
      case 'drain':
        this.timeline.note(`session: drain, ${event.isFinal ? 'final' : 'notice'}, ${event.graceMs} ms`)
        break
      case 'refFreed':
        this.timeline.note(`session: reference ${event.refId} freed`)
        break
      case 'close':
        this.timeline.note(
          `session: closed, ${event.error === null ? 'no error' : `${event.error.code}: ${event.error.message}`}`,
        )
        break
      case 'handlerError':
        this.timeline.note(
          `session: handler of channel ${event.channel.id} has thrown ${String(event.error)}`,
        )
        break
    }
  }
}
