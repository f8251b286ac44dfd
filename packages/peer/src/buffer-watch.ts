// Owns: the memory that connections hold: what all of the process may hold together, and output that a connection does not take (spec §17.1,
// LIM-004). Looked at by time and by volume, never a frame.
// Must not know: what is in the memory, what a connection is for.
import { ProtocolError, TransportError } from '@peerplex/wire'
import { CODE_RESOURCE_EXHAUSTED } from '@peerplex/wire/internal'
import type { Clock, TimerHandle } from './clock.js'
import type { PeerOwnLimits } from './peer-limits.js'
import type { SessionDriver } from './session-driver.js'

const TICK_MS = 1_000
/** The process is looked at anew when this part of its limit has arrived. */
const SHARE = 1 / 16

/** A connection, as far as memory goes. */
export interface Holder {
  readonly url: string
  readonly driver: SessionDriver
}

/** Output that does not move. */
interface Stuck {
  sentBytes: number
  forMs: number
}

/** Those of all peers of this process: memory is one, whoever's it is. */
const WATCHES = new Set<BufferWatch>()

export class BufferWatch {
  readonly #limits: PeerOwnLimits
  readonly #clock: Clock
  readonly #holders: ReadonlySet<Holder>
  /** Weak: one that ends meanwhile is looked at no more. */
  #stuck = new WeakMap<Holder, Stuck>()
  #timer: TimerHandle = null
  #lastMs = 0
  #arrivedBytes = 0
  /** What this peer held when it was looked at last. */
  heldBytes = 0
  /** Connections that were ended for the memory of the process. */
  shedCount = 0
  /** Connections that were given up for output that they did not take. */
  stuckCount = 0

  constructor(limits: PeerOwnLimits, clock: Clock, holders: ReadonlySet<Holder>) {
    this.#limits = limits
    this.#clock = clock
    this.#holders = holders
  }

  /** Bytes have arrived on a connection. */
  onReceived(bytes: number): void {
    this.#arrivedBytes += bytes
    if (this.#timer === null) this.#begin()
    if (this.#arrivedBytes > this.#limits.maxProcessBytes * SHARE) this.#judge()
  }

  /** A connection asks to wait. */
  onBlocked(): void {
    if (this.#timer === null) this.#begin()
  }

  /** No connection is left. */
  stop(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer)
    this.#timer = null
    this.#stuck = new WeakMap()
    this.heldBytes = 0
    WATCHES.delete(this)
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  #begin(): void {
    WATCHES.add(this)
    this.#lastMs = this.#clock.now()
    this.#setTimer()
  }

  #setTimer(): void {
    this.#timer = this.#clock.setTimer(this.#clock.now() + TICK_MS, () => this.#tick())
  }

  #tick(): void {
    const nowMs = this.#clock.now()
    // A process that was stopped, or was busy, could not have seen any progress.
    const passedMs = Math.min(nowMs - this.#lastMs, 2 * TICK_MS)
    this.#lastMs = nowMs
    const isQuiet = this.#arrivedBytes === 0
    this.#timer = null
    this.#judge()
    for (const holder of [...this.#holders]) this.#watchOutput(holder, passedMs)
    if (this.#holders.size === 0 || (isQuiet && this.heldBytes === 0)) this.stop()
    else if (this.#timer === null) this.#setTimer()
  }

  // ---- output that does not move ----------------------------------------------------------------------------------------

  #watchOutput(holder: Holder, passedMs: number): void {
    const { driver } = holder
    const { outbox } = driver.session.channels
    const waitingBytes = outputBytes(holder)
    const known = this.#stuck.get(holder)
    if (!driver.isBlocked || waitingBytes <= this.#limits.maxUnsentBytes) {
      if (known !== undefined) this.#stuck.delete(holder)
      return
    }
    const sentBytes = outbox.takenBytes - (driver.connection.bufferedBytes ?? 0)
    if (known === undefined || known.sentBytes !== sentBytes) {
      this.#stuck.set(holder, { sentBytes, forMs: 0 })
      return
    }
    known.forMs += passedMs
    if (known.forMs < this.#limits.unsentTimeoutMs) return
    this.#stuck.delete(holder)
    this.stuckCount++
    const text = `${holder.url}: ${waitingBytes} bytes of output have waited ${known.forMs} ms`
    driver.drop(
      new TransportError('UNAVAILABLE', `${text}, and the connection took none of them`, {
        hint: 'the other side does not read, or the network is down; limits.maxUnsentBytes and unsentTimeoutMs say how long that may be',
        retryable: true,
      }),
    )
  }

  // ---- all of the process -----------------------------------------------------------------------------------------------

  /** Looks at what this peer holds, and ends connections of whichever peer while all together hold too much. */
  #judge(): void {
    this.#arrivedBytes = 0
    this.#measure()
    const { maxProcessBytes } = this.#limits
    if (processBytes() <= maxProcessBytes) return
    for (const watch of WATCHES) watch.#measure()
    let bytes = processBytes()
    while (bytes > maxProcessBytes) {
      const victim = hoarder()
      if (victim === null) return
      bytes -= victim.watch.#shed(victim.holder, bytes)
    }
  }

  #measure(): void {
    this.heldBytes = 0
    for (const holder of this.#holders) this.heldBytes += inputBytes(holder) + outputBytes(holder)
  }

  /** Ends a connection with all that waits to be read; returns how much was freed. */
  #shed(holder: Holder, bytes: number): number {
    const { session } = holder.driver
    const held = inputBytes(holder) + outputBytes(holder)
    this.shedCount++
    this.heldBytes -= held
    // A session that ends keeps for its program what was not read; this is why it ends.
    for (const channel of [...session.channels.receiver.unread]) channel.reset(CODE_RESOURCE_EXHAUSTED)
    session.fail(
      new ProtocolError('ENHANCE_CALM', `${holder.url}: this process holds ${bytes} bytes of messages`, {
        hint: 'read faster, allow less in limits.maxUnreadBytes, or raise limits.maxProcessBytes',
        retryable: true,
      }),
    )
    return held
  }

  /** Those of this peer that can be ended. */
  *candidates(): Iterable<{ watch: BufferWatch; holder: Holder }> {
    for (const holder of this.#holders) if (holder.driver.session.isOpen) yield { watch: this, holder }
  }
}

/** What all peers of this process hold, as far as it was looked at. */
export function processBytes(): number {
  let bytes = 0
  for (const { heldBytes } of WATCHES) bytes += heldBytes
  return bytes
}

/** The connection with the most unread bytes; where none has any, the one with the most output. */
function hoarder(): { watch: BufferWatch; holder: Holder } | null {
  let worst: { watch: BufferWatch; holder: Holder } | null = null
  let mostInput = 0
  let mostOutput = 0
  for (const watch of WATCHES) {
    for (const candidate of watch.candidates()) {
      const input = inputBytes(candidate.holder)
      const output = outputBytes(candidate.holder)
      if (input < mostInput || (input === mostInput && output <= mostOutput)) continue
      worst = candidate
      mostInput = input
      mostOutput = output
    }
  }
  return worst
}

/** Unread, and arrived in part: messages and frames. */
function inputBytes({ driver }: Holder): number {
  const { channels, intake } = driver.session
  return channels.receiver.unreadBytes + channels.receiver.assembly.bytes + intake.bufferBytes
}

/** Not with the system yet. */
function outputBytes({ driver }: Holder): number {
  const { sender, outbox } = driver.session.channels
  return sender.queuedBytes + outbox.pendingBytes + (driver.connection.bufferedBytes ?? 0)
}
