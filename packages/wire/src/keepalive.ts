// Owns: when something must be sent so that the other side does not give up, when we give up, and which PINGs are unanswered
// (spec §15).
// Must not know: timers, frames, channels.

/** How long a probe waits after the process was late itself (frozen, asleep). */
const PROBE_MS = 5_000
/** A tick later than this, or a tenth of the idle time, says that the process stood still. */
const LATE_MS = 1_000

export class Keepalive {
  readonly #idleMs: number
  #remoteIdleMs = 0
  #receivedAtMs: number
  #sentAtMs: number
  /** Never give up before this: the process itself was away. */
  #notBeforeMs = 0
  #pingsSent = 0
  #pingsAnswered = 0
  /** The number of the keepalive PING that is unanswered; 0 for none. */
  #keepalivePing = 0

  /** `idleMs`: what we declared; 0 for never. */
  constructor(idleMs: number, nowMs: number) {
    this.#idleMs = idleMs
    this.#receivedAtMs = nowMs
    this.#sentAtMs = nowMs
  }

  /** What the other side declared in HELLO. */
  start(remoteIdleMs: number): void {
    this.#remoteIdleMs = remoteIdleMs
  }

  onReceived(nowMs: number): void {
    this.#receivedAtMs = nowMs
  }

  onSent(nowMs: number): void {
    this.#sentAtMs = nowMs
  }

  /** How late a tick may be before it is taken for a pause of the whole process. */
  get latenessMs(): number {
    return this.#idleMs === 0 ? LATE_MS : Math.min(LATE_MS, this.#idleMs / 10)
  }

  /** The number of the next PING, which is its payload too. */
  nextPing(): number {
    this.#pingsSent++
    return this.#pingsSent
  }

  /** A PONG for PING `number` answers all before it. False when it answers none: unsolicited. */
  onPong(number: number): boolean {
    if (number <= this.#pingsAnswered || number > this.#pingsSent) return false
    this.#pingsAnswered = number
    if (this.#keepalivePing <= number) this.#keepalivePing = 0
    return true
  }

  /** Whether the PING with this number is answered. */
  isAnswered(number: number): boolean {
    return number <= this.#pingsAnswered
  }

  /** The process was away: give the other side's bytes a chance to be read first. True when a probe is wanted. */
  onLate(nowMs: number): boolean {
    if (this.#idleMs === 0) return false
    const probeUntilMs = nowMs + PROBE_MS
    if (this.#receivedAtMs + this.#idleMs >= probeUntilMs) return false
    this.#notBeforeMs = probeUntilMs
    return true
  }

  /** Whether nothing at all arrived for the declared time. */
  isExpired(nowMs: number): boolean {
    return this.#idleMs > 0 && nowMs >= this.#expiryMs()
  }

  /** Whether a PING is due because nothing else was sent. While one is unanswered no other is. */
  isPingDue(nowMs: number): boolean {
    return (
      this.#remoteIdleMs > 0 && this.#keepalivePing === 0 && nowMs >= this.#sentAtMs + this.#remoteIdleMs / 3
    )
  }

  /** Notes that PING `number` is the keepalive one. */
  onKeepalivePing(number: number): void {
    this.#keepalivePing = number
  }

  /** The next moment at which one of the two can become true. */
  nextTimerMs(): number {
    const expiryMs = this.#idleMs > 0 ? this.#expiryMs() : Number.POSITIVE_INFINITY
    const isPinging = this.#remoteIdleMs > 0 && this.#keepalivePing === 0
    return Math.min(expiryMs, isPinging ? this.#sentAtMs + this.#remoteIdleMs / 3 : Number.POSITIVE_INFINITY)
  }

  #expiryMs(): number {
    return Math.max(this.#receivedAtMs + this.#idleMs, this.#notBeforeMs)
  }
}
