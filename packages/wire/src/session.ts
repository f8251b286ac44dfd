// Owns: one connection's protocol: what the program may do with it, how it begins and ends, and its clock (spec §3, §12, §16).
// Must not know: sockets, timers, codecs. Bytes and time come in by calls; bytes, channels and wishes go out through a sink.
//
// Three rules make the push style safe: a sink may call anything but `receive`; what a sink throws ends its channel only;
// after `onClose` the session calls no sink on its own (a paused channel still hands over what it holds when resumed).
// The rules: dispatcher.ts (what a frame means), channels.ts (how channels begin), sender.ts (what goes out), receiver.ts (what comes in).

import { type ByteRange, byteRange, setWhole } from './byte-range.js'
import type { Channel, ChannelSink, OpenOptions } from './channel.js'
import { Channels, SILENT } from './channels.js'
import { Control } from './control.js'
import { Dispatcher } from './dispatcher.js'
import type { Headers } from './entries.js'
import { type Delivery, ERRORS, PeerplexError, ProtocolError } from './errors.js'
import { assertOtherPeer, decodeHello, type Hello } from './hello.js'
import { Intake, PrefaceError } from './intake.js'
import { type OpenInfo, openInfo } from './open-info.js'
import type { SessionLimits } from './options.js'
import type { ChannelsHost, DispatcherHost } from './session-core.js'
import * as reasons from './session-errors.js'
import { SessionProfile } from './session-profile.js'
import * as states from './session-state.js'
import { collectStats } from './session-stats.js'
import type { ConnectionKind, SessionSink, SessionStart, SessionStats } from './session-types.js'
import { NO_TRANSITION } from './state-table.js'

export class Session implements ChannelsHost, DispatcherHost {
  readonly kind: ConnectionKind
  readonly limits: SessionLimits
  /** @internal */
  readonly channels: Channels
  /** @internal */
  readonly intake: Intake

  readonly #sink: SessionSink
  readonly #now: () => number
  readonly #control: Control
  #state: number = states.SESSION_AWAIT_PREFACE
  #remoteHello: Hello | null = null
  #authState: 'none' | 'pending' | 'admitted'
  /** The other side's HELLO, or the verdict on it, must be there by then. */
  #helloDeadlineMs: number = Number.POSITIVE_INFINITY
  #timerMs: number = Number.POSITIVE_INFINITY
  #hasAnnouncedOutput = false
  #bytesReceived = 0
  #closeCode = reasons.closeCodeOf(0)

  /** Throws UsageError for options out of range. Nothing is sent before `start`. */
  constructor(options: SessionStart, sink: SessionSink) {
    const profile = 'profile' in options ? options.profile : new SessionProfile(options)
    this.kind = options.kind
    this.limits = profile.limits
    this.#sink = sink
    this.#now = options.now
    this.#authState = profile.isAuthRequired ? 'pending' : 'none'
    this.channels = new Channels(this, profile)
    this.channels.receiver.isHeld = profile.isAuthRequired
    this.#control = new Control(this.kind, profile, this.channels, this)
    const { kind, channels } = this
    this.intake = new Intake(kind, new Dispatcher(this, channels), channels.economy, profile)
  }

  // ---- what the program asks ----------------------------------------------------------------------------------------

  /** AWAIT_PREFACE, AWAIT_HELLO, READY or CLOSED. */
  get state(): string {
    return states.SESSION_STATES[this.#state] as string
  }

  get isOpen(): boolean {
    return this.#state !== states.SESSION_CLOSED
  }

  get hasHello(): boolean {
    return this.#remoteHello !== null
  }

  /** What the other side announced; null until its HELLO. */
  get remoteHello(): Hello | null {
    return this.#remoteHello
  }

  /** Feature bits in force: those of both HELLOs. */
  get features(): number {
    return this.#control.profile.hello.features & (this.#remoteHello?.features ?? 0)
  }

  /** Whether new channels may be opened here: not closed, and the other side is not draining. */
  get isUsable(): boolean {
    return this.isOpen && !this.#control.drain.isRemote
  }

  /** How many channels may be opened at once from here. */
  get openCredit(): number {
    return this.channels.sender.committer.openCredit - this.channels.sender.openingCount
  }

  /** Channels of both sides, those whose OPEN waits included. */
  get channelCount(): number {
    return this.channels.table.size + this.channels.sender.openingCount
  }

  /** The code with which a message transport is to be closed (spec §18). */
  get transportCloseCode(): number {
    return this.#closeCode
  }

  /** Queues the preface (byte connections) and HELLO. */
  start(): void {
    if (this.#isStarted) throw reasons.startedTwice()
    this.#step(this.kind === 'byte' ? states.DO_START_BYTE : states.DO_START_MESSAGE)
    this.#control.greet()
    this.#helloDeadlineMs = this.nowMs + this.limits.helloTimeoutMs
    this.onOutputPending()
    this.#reschedule()
  }

  /**
   * Opens a channel; takes `options.message`. Its OPEN leaves when credit allows. Throws UsageError, LimitError, or
   * ClosedError UNAVAILABLE (not-sent) when the session is closed or the other side drains.
   */
  open(name: string, options: OpenOptions = {}): Channel {
    const { message, sink = SILENT } = options
    return this.openAs(openInfo(name, options), message ? setWhole(byteRange(), message) : null, sink)
  }

  /** As `open`, for what is checked already. @internal */
  openAs(open: OpenInfo, message: ByteRange | null, sink: ChannelSink): Channel {
    if (!this.#isStarted) throw reasons.notStarted('open')
    const isUsable = this.isUsable || (this.isOpen && this.channels.isCallOfLiveRef(open))
    if (!isUsable) throw reasons.notUsable(open.name, this.isOpen)
    return this.channels.open(open, message, sink)
  }

  /** The credentials of the other side's HELLO are good: full limits, and held channels are shown. */
  admit(): void {
    if (this.#authState !== 'pending' || !this.isOpen) return
    this.#authState = 'admitted'
    this.#helloDeadlineMs = this.hasHello ? Number.POSITIVE_INFINITY : this.#helloDeadlineMs
    this.channels.admit()
    this.#control.announceAdmission()
    this.channels.presentHeld()
  }

  /** The credentials are not good: nothing of this connection was processed. */
  refuseAuth(message = ''): void {
    this.fail(new ProtocolError('AUTH', message === '' ? ERRORS.AUTH.message : message))
  }

  /** Ends gracefully: nothing new from the other side, what runs may run for `graceMs`. Repeating it changes nothing. */
  drain(graceMs: number): void {
    if (!this.#isStarted) throw reasons.notStarted('drain')
    if (!this.isOpen || !this.#control.beginDrain(graceMs)) return
    this.scheduleAt(this.#control.drain.graceEndsMs)
  }

  /** Ends at once: FINAL, RESET(UNAVAILABLE) on everything that runs, then `onClose(null)`. */
  close(): void {
    if (this.isOpen) this.#closeNow('the connection was closed here')
  }

  /** Ends with an error: GOAWAY carries its code when that is one of a connection, INTERNAL_ERROR otherwise. */
  fail(error: PeerplexError): void {
    if (!this.isOpen) return
    const code = reasons.connectionCodeOf(error)
    this.#closeCode = this.intake.closeCode || reasons.closeCodeOf(code)
    this.#enterClosed(states.DO_FAIL)
    this.#loseAll(error.message, null)
    this.#control.sayError(code, error.message)
    this.#tellClosed(error)
  }

  /** Gives back `count` receptions of a retained reference. */
  releaseRef(refId: number, count = 1): void {
    if (this.isOpen) this.channels.releaseImport(refId, count)
  }

  // ---- from the transport -------------------------------------------------------------------------------------------

  /**
   * Takes bytes from the transport: any piece of the stream on a byte connection, one whole transport message on a message
   * connection. Borrows the chunk. Never throws for what it contains.
   */
  receive(chunk: Uint8Array): void {
    if (!this.isOpen) return
    const nowMs = this.nowMs
    this.#bytesReceived += chunk.length
    this.channels.economy.refill(nowMs)
    if (chunk.length > 0) this.#control.keepalive.onReceived(nowMs)
    // A plain array: what the program gets is a Uint8Array everywhere, and views of one are cheaper than those of a Buffer.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
    try {
      const at = this.intake.awaitsPreface ? this.intake.pushPreface(bytes) : 0
      if (at > 0) this.#step(states.ON_PREFACE)
      if (at >= 0) this.intake.push(bytes, at)
    } catch (error) {
      if (error instanceof PrefaceError) this.#failSilently(error.reason)
      else this.fail(error instanceof PeerplexError ? error : reasons.internalError(error))
    }
  }

  /** A message that is not binary came over a message connection; `what` says what it was. */
  receiveNonBinary(what: string): void {
    if (this.isOpen) this.fail(this.intake.refuseNonBinary(what))
  }

  /** The transport's input ended or broke. */
  receiveEnd(cause?: unknown): void {
    if (!this.isOpen) return
    const error = this.#isDone() ? null : reasons.connectionLost(cause)
    this.#enterClosed(states.ON_INPUT_END)
    this.#loseAll(error?.message ?? '', null)
    this.#tellClosed(error)
  }

  /** Whether `takeOutput` has something to give or to do. */
  get hasOutput(): boolean {
    if (!this.isOpen) return this.channels.outbox.pendingBytes > 0
    return this.channels.sender.hasOutput || this.#control.isOwing || this.#isDone()
  }

  /**
   * The next bytes for the transport, at most about 128 KiB and one frame, whole frames only; on a message connection they form
   * one transport message. The caller owns them. Call it while the transport takes more and `hasOutput` is true.
   */
  takeOutput(): Uint8Array[] {
    if (this.isOpen) {
      // A call whose time is up does not leave, even if the timer is late.
      if (this.channels.sender.openingCount > 0) this.channels.endings.expire(this.nowMs)
      this.#control.commitOwed()
      this.channels.sender.fill()
    }
    this.#hasAnnouncedOutput = false
    const parts = this.channels.outbox.take()
    if (parts.length > 0) {
      this.#control.keepalive.onSent(this.nowMs)
      this.channels.endings.onTaken()
    } else if (this.#isDone()) {
      this.#enterClosed(states.DO_CLOSE)
      this.#tellClosed(null)
    }
    return parts
  }

  /** To be called at the time last given to `onTimer`. Early and late calls do no harm. */
  tick(): void {
    if (!this.isOpen) return
    const nowMs = this.nowMs
    const isLate = nowMs - this.#timerMs > this.#control.keepalive.latenessMs
    this.channels.economy.refill(nowMs)
    this.channels.outbox.rest()
    if (isLate && this.#control.keepalive.onLate(nowMs)) this.#control.ping()
    const { limits } = this
    const { keepalive } = this.#control
    if (nowMs >= this.#helloDeadlineMs) this.fail(reasons.helloTimeout(this.hasHello, limits.helloTimeoutMs))
    else if (keepalive.isExpired(nowMs)) this.fail(reasons.idleTimeout(limits.idleTimeoutMs))
    if (!this.isOpen) return
    if (keepalive.isPingDue(nowMs)) keepalive.onKeepalivePing(this.#control.ping())
    this.channels.tick(nowMs)
    if (!this.isOpen) return
    // Not when the output has left: a transport that takes nothing would put it off.
    if (nowMs >= this.#control.drain.graceEndsMs) this.#closeNow('the grace period of the drain is over')
    else this.#reschedule()
  }

  /** A snapshot of counts and levels; a plain object. */
  stats(): SessionStats {
    return collectStats(this.state, this.#bytesReceived, this.intake.bufferBytes, this.channels)
  }

  // ---- for the parts of the session ---------------------------------------------------------------------------------

  get #isStarted(): boolean {
    return this.channels.outbox.committedBytes > 0 || !this.isOpen
  }

  /** @internal */
  get nowMs(): number {
    return this.#now()
  }

  /** @internal */
  get isAuthPending(): boolean {
    return this.#authState === 'pending'
  }

  /** @internal */
  get hasSentFinal(): boolean {
    return this.#control.drain.isLocalFinal
  }

  /** @internal */
  onOutputPending(): void {
    // A closed session has its last frames to give and no more, whatever the program still does with its channels.
    // Nor does what waits for credit count: nobody would take it, and then nothing would be announced any more.
    if (this.#hasAnnouncedOutput || !this.hasOutput) return
    this.#hasAnnouncedOutput = true
    this.#sink.onOutputPending()
  }

  /** @internal */
  scheduleAt(atMs: number): void {
    if (atMs >= this.#timerMs || !this.isOpen) return
    this.#timerMs = atMs
    this.#sink.onTimer(atMs)
  }

  /** @internal */
  notifyChannel(channel: Channel): void {
    try {
      this.#sink.onChannel(channel)
    } catch (error) {
      this.channels.onHandlerError(error, channel)
    }
  }

  /** @internal */
  notifyHandlerError(error: unknown, channel: Channel): void {
    this.#sink.onHandlerError?.(error, channel)
  }

  /** @internal */
  notifyRefFreed(refId: number): void {
    if (this.isOpen) this.#sink.onRefFreed?.(refId)
  }

  /** @internal */
  notifyOpenCredit(): void {
    this.#sink.onOpenCredit?.()
  }

  /** @internal */
  onChannelRemoved(): void {
    if (this.#isDone()) this.onOutputPending()
  }

  /** @internal */
  receiveHello(meta: Uint8Array): void {
    const hello = decodeHello(meta, this.limits.maxHeaderCount)
    assertOtherPeer(hello, this.#control.profile.hello)
    this.#step(states.ON_HELLO)
    this.#remoteHello = hello
    const verdictMs = this.nowMs + this.limits.helloTimeoutMs
    this.#helloDeadlineMs = this.isAuthPending ? verdictMs : Number.POSITIVE_INFINITY
    this.#control.keepalive.start(hello.idleTimeoutMs)
    this.channels.sender.start(hello, this.channels.table.snapshot())
    this.#reschedule()
    this.#sink.onHello?.(hello)
  }

  /** @internal */
  owePong(low: number, high: number): void {
    this.#control.owePong(low, high)
  }

  /** @internal */
  receivePong(number: number): boolean {
    if (!this.#control.receivePong(number)) return false
    // The answered PING no longer rests the next one.
    this.scheduleAt(this.#control.keepalive.nextTimerMs())
    return true
  }

  /** @internal */
  receiveGoaway(isFinal: boolean, code: number, lastId: number, graceMs: number, headers: Headers): void {
    if (code !== 0) {
      this.#closeCode = reasons.closeCodeOf(code)
      const error = reasons.endedRemotely(code, headers.get('message') ?? '')
      this.#enterClosed(states.ON_GOAWAY_ERROR)
      this.channels.endings.loseBeyond(lastId, error.message, true)
      this.#loseAll(error.message, null)
      this.#tellClosed(error)
      return
    }
    const isNew = isFinal ? this.#control.drain.onFinal() : this.#control.drain.onNotice()
    if (!isNew) return
    const message = 'the other side drains'
    this.channels.endings.returnOpening(message, false)
    if (isFinal) this.channels.endings.loseBeyond(lastId, message, false)
    // Told that its calls were lost, the program may have ended the session.
    if (this.isOpen) this.#sink.onDrain?.({ isFinal, graceMs })
    if (this.#isDone()) this.onOutputPending()
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** The other side does not speak this protocol: it is told nothing more. */
  #failSilently(error: ProtocolError): void {
    this.#enterClosed(states.DO_FAIL)
    this.#loseAll(error.message, error.code === 'VERSION' ? 'not-processed' : null)
    // Who speaks another version is to see which one this is, even if it was faster.
    if (this.channels.outbox.takenBytes === 0) this.#control.greet()
    this.#tellClosed(error)
  }

  /** Whatever still runs ends now, and so does the session. */
  #closeNow(reason: string): void {
    const hasStarted = this.#isStarted
    this.#enterClosed(states.DO_CLOSE)
    this.#control.finishDrain()
    this.channels.endings.endAll(reason)
    if (!hasStarted) this.channels.outbox.discard()
    this.#tellClosed(null)
  }

  /** Whether a drain has come to its end: FINAL is out or in, and no channel is left. */
  #isDone(): boolean {
    const { table, sender } = this.channels
    if (!this.isOpen || table.size > 0 || sender.openingCount > 0) return false
    return this.#control.drain.isLocalFinal || this.#control.drain.isRemoteFinal
  }

  /** Closed first, told afterwards: what the program does in between cannot begin anything here. */
  #enterClosed(event: number): void {
    this.#step(event)
    this.#timerMs = Number.POSITIVE_INFINITY
  }

  /** Every channel learns it; what is not with the transport never gets there, so `not-sent` stays true. */
  #loseAll(message: string, delivery: Delivery | null): void {
    this.channels.endings.loseAll(message, delivery)
    this.channels.outbox.discard()
  }

  #tellClosed(error: PeerplexError | null): void {
    if (this.channels.outbox.pendingBytes > 0) this.onOutputPending()
    this.#sink.onClose(error)
  }

  #step(event: number): void {
    const next = states.sessionTable.next(this.#state, event)
    if (next === NO_TRANSITION)
      throw reasons.wrongState('the session', this.state, states.sessionTable.events[event])
    this.#state = next
  }

  #reschedule(): void {
    const next = Math.min(
      this.#helloDeadlineMs,
      this.#control.keepalive.nextTimerMs(),
      this.channels.nextTimerMs(),
      this.#control.drain.graceEndsMs,
    )
    this.#timerMs = Number.POSITIVE_INFINITY
    if (next !== Number.POSITIVE_INFINITY) this.scheduleAt(next)
  }
}
