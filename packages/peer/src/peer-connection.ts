// Owns: one connection of a peer: its driver, who is at the other end, and which codecs that side has.
// Must not know: why the connection exists or what is sent on it.
import type { Codec, PeerplexError } from '@peerplex/wire'
import type { Connection } from '@peerplex/wire/transport'
import type { RemotePeer } from './remote-peer.js'
import { SessionDriver, type SessionDriverEvents, type SessionDriverOptions } from './session-driver.js'

export class PeerConnection {
  readonly driver: SessionDriver
  readonly url: string
  /** Null until HELLO. */
  remote: RemotePeer | null = null
  /** The codecs that the other side announced: id by name. Null until HELLO. */
  codecs: ReadonlyMap<string, number> | null = null
  /** The codec of opens that name none, or why there is none; chosen by the first of them. */
  defaultCodec: Codec | PeerplexError | null = null
  /** When HELLO came; -1 before. */
  readyAtMs = -1
  /** Why it ended; null after a clean end, undefined while it is open. */
  closeError: PeerplexError | null | undefined = undefined

  constructor(connection: Connection, options: SessionDriverOptions, events: SessionDriverEvents) {
    this.url = connection.url
    this.driver = new SessionDriver(connection, options, events)
  }

  /** HELLO is there and new channels may be opened. */
  get isUsable(): boolean {
    return this.remote !== null && this.driver.session.isUsable
  }

  /** Usable, and the other side lets us open at least one more channel. */
  get hasRoom(): boolean {
    return this.isUsable && this.driver.session.openCredit > 0
  }

  /** Channels in use, waiting ones included. */
  get load(): number {
    return this.driver.session.channelCount
  }

  /** Notes what HELLO said. */
  onHello(remote: RemotePeer, codecs: ReadonlyMap<string, number>, nowMs: number): void {
    this.remote = remote
    this.codecs = codecs
    this.readyAtMs = nowMs
  }
}
