/**
 * Owns: one connection through a fault proxy: its two sockets, a pipe each way, and how it is cut.
 * Must not know: other connections, scripts, or where the connection came from.
 */
import type { NetConnectOpts, Socket } from 'node:net'
import type { FaultClock } from './fault-clock.js'
import { FaultPipe } from './fault-pipe.js'
import type { CutKind, Direction, FaultSettings, OneDirection } from './fault-script.js'

/** A cut that is to come when so many bytes have gone on in a direction, or in both together. */
export interface PlannedCut {
  readonly bytes: number
  readonly direction: Direction
  readonly kind: CutKind
}

/** What a connection tells its proxy. */
export interface ConnectionEvents {
  count(what: string): void
  onBytes(direction: OneDirection, connectionId: number, bytes: Uint8Array): void
  onClose(connection: ProxyConnection): void
}

export interface ProxyConnectionOptions {
  readonly id: number
  /** Accepted and paused, with `allowHalfOpen`. */
  readonly near: Socket
  /** Not connected yet, with `allowHalfOpen`. */
  readonly far: Socket
  readonly target: NetConnectOpts
  /** Shared by all connections of a proxy. */
  readonly settings: Readonly<Record<OneDirection, FaultSettings>>
  readonly plan: PlannedCut | null
  readonly clock: FaultClock
  readonly seed: number
  readonly events: ConnectionEvents
}

/** In the order of life: waiting while the target must not hear of it. */
type State = 'waiting' | 'dialing' | 'connected' | 'closed'

/**
 * How many turns of the event loop a planned cut waits after the last bytes: in the second, a reader in this process has read them. A RST
 * that arrives with unread bytes before it is told by Node as an end.
 */
const TURNS_BEFORE_CUT = 2

/** Numbers from 1 on, in the order in which they were accepted. */
export class ProxyConnection {
  readonly id: number
  readonly #near: Socket
  readonly #far: Socket
  readonly #target: NetConnectOpts
  readonly #settings: Readonly<Record<OneDirection, FaultSettings>>
  readonly #events: ConnectionEvents
  readonly #pipes: Readonly<Record<OneDirection, FaultPipe>>
  readonly #passed: Record<OneDirection, number> = { up: 0, down: 0 }
  #state: State = 'waiting'
  #openSockets = 2
  #plan: PlannedCut | null
  #turn: NodeJS.Immediate | null = null

  constructor({ id, near, far, target, settings, plan, clock, seed, events }: ProxyConnectionOptions) {
    this.id = id
    this.#near = near
    this.#far = far
    this.#target = target
    this.#settings = settings
    this.#plan = plan
    this.#events = events
    const pipe = (direction: OneDirection, source: Socket, sink: Socket, pipeSeed: number): FaultPipe =>
      new FaultPipe({
        source,
        target: sink,
        settings: settings[direction],
        clock,
        seed: pipeSeed,
        owner: {
          allowedBytes: () => this.#allowedBytes(direction),
          onPass: (bytes) => this.#onPass(direction, bytes),
          onUsedUp: () => this.#cutSoon(TURNS_BEFORE_CUT),
          onAbort: () => reset(sink),
          onFlip: () => events.count('flippedBits'),
        },
      })
    this.#pipes = {
      up: pipe('up', near, far, seed + 2 * id),
      down: pipe('down', far, near, seed + 2 * id + 1),
    }
    this.#watch(near, this.#pipes.up, this.#pipes.down)
    this.#watch(far, this.#pipes.down, this.#pipes.up)
    far.on('connect', () => this.#onConnect())
    far.on('error', () => {
      if (this.#state === 'dialing') events.count('unreachable')
    })
  }

  /** Passed on to the target so far. */
  get bytesUp(): number {
    return this.#passed.up
  }

  /** Passed on to who dialed so far. */
  get bytesDown(): number {
    return this.#passed.down
  }

  /** What has come and has not gone on yet, in both directions: at most twice `MAX_PIPE_BYTES`. */
  get heldBytes(): number {
    return this.#pipes.up.heldBytes + this.#pipes.down.heldBytes
  }

  /**
   * Cuts it now; `direction` says which one a `halfClose` ends, `up` by default. What has not gone on is lost. One that has not reached its
   * target is reset, whatever the kind.
   */
  cut(kind: CutKind, direction: Direction = 'up'): void {
    if (this.#state === 'closed') return
    this.#events.count(kind)
    this.#plan = null
    if (kind === 'reset' || this.#state !== 'connected') {
      this.destroy()
      return
    }
    const isBoth = kind === 'end' || direction === 'both'
    if (isBoth || direction === 'up') this.#pipes.up.finish()
    if (isBoth || direction === 'down') this.#pipes.down.finish()
  }

  /** Settings have changed: what waited may go on. `isHealed`: it must not wait any longer either. */
  refresh(isHealed: boolean): void {
    this.dial()
    if (isHealed) {
      this.#plan = null
      this.#pipes.up.hurry()
      this.#pipes.down.hurry()
    } else {
      this.#pipes.up.pump()
      this.#pipes.down.pump()
    }
  }

  /** Goes to the target, unless nobody there is to hear of it. */
  dial(): void {
    if (this.#state !== 'waiting' || this.#settings.up.isBlackHole) return
    this.#state = 'dialing'
    this.#far.connect(this.#target)
  }

  /** Resets both sockets. */
  destroy(): void {
    this.#pipes.up.stop()
    this.#pipes.down.stop()
    reset(this.#near)
    reset(this.#far)
  }

  #watch(socket: Socket, from: FaultPipe, to: FaultPipe): void {
    let hasEnded = false
    let hasFailed = false
    socket.on('end', () => {
      hasEnded = true
    })
    // 'close' follows.
    socket.on('error', () => {
      hasFailed = true
    })
    socket.on('close', () => {
      to.stop()
      if (hasFailed || !hasEnded) from.receiveAbort()
      this.#onSocketClose()
    })
  }

  #onConnect(): void {
    this.#state = 'connected'
    // Pieces leave as they are passed on.
    this.#near.setNoDelay(true)
    this.#far.setNoDelay(true)
    this.#pipes.up.start()
    this.#pipes.down.start()
    if (this.#plan?.bytes === 0) this.#cutSoon(0)
  }

  #onSocketClose(): void {
    this.#openSockets -= 1
    if (this.#openSockets > 0) return
    this.#state = 'closed'
    if (this.#turn !== null) clearImmediate(this.#turn)
    this.#pipes.up.stop()
    this.#pipes.down.stop()
    this.#events.onClose(this)
  }

  #allowedBytes(direction: OneDirection): number {
    const plan = this.#plan
    if (plan === null || (plan.direction !== 'both' && plan.direction !== direction))
      return Number.POSITIVE_INFINITY
    const { up, down } = this.#passed
    return plan.bytes - (plan.direction === 'both' ? up + down : this.#passed[direction])
  }

  #onPass(direction: OneDirection, bytes: Uint8Array): void {
    this.#passed[direction] += bytes.length
    this.#events.onBytes(direction, this.id, bytes)
  }

  #cutSoon(turns: number): void {
    const plan = this.#plan
    if (plan === null || this.#state !== 'connected') return
    if (turns === 0) {
      this.#events.count('cutAfter')
      this.cut(plan.kind, plan.direction)
    } else {
      this.#turn = setImmediate(() => this.#cutSoon(turns - 1))
    }
  }
}

/** A RST where there can be one: not on a Unix socket, nor on one that is not connected; those have no remote address. */
export function reset(socket: Socket): void {
  const canBeReset = socket.remoteAddress !== undefined
  // While a FIN is on its way out the system takes no RST; it leaves in the next turn.
  const isShuttingDown = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished
  if (!canBeReset) socket.destroy()
  else if (isShuttingDown) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
