// Owns: one connection of a peer: its driver, who is at the other end, and which codecs that side has.
// Must not know: why the connection exists or what is sent on it.
import type { Channel, Codec, DrainInfo, Hello, PeerplexError } from '@peerplex/wire'
import type { Connection } from '@peerplex/wire/transport'
import type { Authenticate, Verdict } from './authentication.js'
import type { CommonParts } from './core-host.js'
import type { RemotePeer } from './remote-peer.js'
import type { TargetGroup } from './route.js'
import { SessionDriver, type SessionDriverEvents, type SessionDriverOptions } from './session-driver.js'

/** What the connections of a peer tell it: one object for all of them. */
export interface ConnectionHost {
  onHello(connection: PeerConnection, hello: Hello): void
  onChannel(connection: PeerConnection, channel: Channel): void
  onDrain(connection: PeerConnection, info: DrainInfo): void
  onOpenCredit(): void
  /** A handler threw, or something that should not; `name` is empty where no channel is to blame. */
  onError(connection: PeerConnection, error: unknown, name: string): void
  onClose(connection: PeerConnection, error: PeerplexError | null): void
  onReleased(connection: PeerConnection): void
}

export class PeerConnection implements SessionDriverEvents {
  readonly driver: SessionDriver
  readonly url: string
  /** Rather than dialed. */
  readonly isAccepted: boolean
  /** Who says who is at the other end; nobody is asked without. */
  readonly authenticate: Authenticate | undefined
  readonly #host: ConnectionHost
  /** While it is asked. */
  verdict: Verdict | null = null
  /** Null until HELLO, and until the other side is admitted where that is asked. */
  remote: RemotePeer | null = null
  /** The codecs that the other side announced: id by name. Null as `remote` is. */
  codecs: ReadonlyMap<string, number> | null = null
  /** The codec of opens that name none; chosen by the first of them. */
  defaultCodec: Codec | null = null
  /** What the channels have in common that were opened on it last. */
  common: CommonParts | null = null
  /** When it became usable; -1 before. */
  readyAtMs = -1
  /** The URL that was dialed, for a connection of looked-up targets; null for all others. */
  dialedFor: string | null = null
  /** Nothing leads to it any more; what runs on it may come to its end. */
  isRetired = false
  /** Why it ended; null after a clean end, undefined while it is open. */
  closeError: PeerplexError | null | undefined = undefined

  constructor(
    connection: Connection,
    isAccepted: boolean,
    authenticate: Authenticate | undefined,
    options: SessionDriverOptions,
    host: ConnectionHost,
  ) {
    this.#host = host
    this.authenticate = authenticate
    this.isAccepted = isAccepted
    this.url = connection.url
    this.driver = new SessionDriver(connection, options, this)
  }

  /** Known who is there, and new channels may be opened. */
  get isUsable(): boolean {
    return this.remote !== null && this.driver.session.isUsable && !this.isRetired
  }

  /** Usable, and the other side lets us open at least one more channel. */
  get hasRoom(): boolean {
    return this.isUsable && this.driver.session.openCredit > 0
  }

  /**
   * Whether it may carry what is looked up to `group`, or, for null, what nobody looks up: a connection that was dialed for looked-up names
   * serves no others, but for what is meant for this very peer.
   */
  isIn(group: TargetGroup | null, isMeant: boolean): boolean {
    if (group === null) return this.dialedFor === null || isMeant
    return this.dialedFor !== null && group.has(this.dialedFor)
  }

  /** Channels in use, waiting ones included. */
  get load(): number {
    return this.driver.session.channelCount
  }

  /** Notes who is there. */
  enter(remote: RemotePeer, codecs: ReadonlyMap<string, number>, nowMs: number): void {
    this.remote = remote
    this.codecs = codecs
    this.readyAtMs = nowMs
  }

  // ---- told by the driver -------------------------------------------------------------------------------------------

  onHello(hello: Hello): void {
    this.#host.onHello(this, hello)
  }

  onChannel(channel: Channel): void {
    this.#host.onChannel(this, channel)
  }

  onDrain(info: DrainInfo): void {
    this.#host.onDrain(this, info)
  }

  onOpenCredit(): void {
    this.#host.onOpenCredit()
  }

  onHandlerError(error: unknown, channel: Channel): void {
    this.#host.onError(this, error, channel.name)
  }

  onUnexpectedError(error: unknown): void {
    this.#host.onError(this, error, '')
  }

  onClose(error: PeerplexError | null): void {
    this.#host.onClose(this, error)
  }

  onReleased(): void {
    this.#host.onReleased(this)
  }
}
