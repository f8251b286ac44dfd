// Owns: what a channel asks of its peer, named so that it does not import it; and what channels that are alike have in common.
// Must not know: how a peer does it.
import type { Channel, Codec, Outcome } from '@peerplex/wire'
import { type ChannelOptions, NO_OPTIONS } from './channel-options.js'
import type { CodecSet } from './codec-set.js'
import type { FlowQueue } from './flow-queue.js'
import type { OpenRequest, OpenSpec, RequestSink } from './open-request.js'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'

/** What a channel asks of its peer. @internal */
export interface CoreHost {
  readonly codecs: CodecSet
  readonly flows: FlowQueue
  /** A channel without a connection holds so much before its sender is asked to wait. */
  readonly holdBytes: number
  /** Counts held bytes in the queue; false: it had better hold no more. */
  hold(request: OpenRequest, bytes: number): boolean
  /** Opens a channel without a request where it can be opened at once: `onOpened` was called then, and this is its number. */
  openNow(spec: OpenSpec, sink: OpenedSink): OpenRequest | number
  /** A request for a channel that was opened without one. */
  requestFor(spec: OpenSpec, sink: RequestSink, sequence: number): OpenRequest
  cancel(request: OpenRequest, code?: number): void
  retry(request: OpenRequest, outcome: Outcome): boolean
  /** `isAnswered`: the other side said how it ended. */
  settle(request: OpenRequest, isAnswered: boolean): void
  reportError(error: unknown, name: string, remote: string): void
}

/** What the program wants to be told, besides. */
export type CoreOptions = Pick<ChannelOptions, 'signal' | 'onHeaders' | 'onTrailers'>

/** Who may be told of a connection without a request. @internal */
export interface OpenedSink extends RequestSink {
  onOpened(connection: PeerConnection, codec: Codec, channel: Channel): void
}

/**
 * What all channels have in common that were opened alike on one connection, or came from one remote with one codec: one object for all of
 * them. @internal
 */
export class CommonParts {
  readonly host: CoreHost
  /** What is opened; null for channels of the other side. */
  readonly spec: OpenSpec | null
  readonly options: CoreOptions
  /** Both null where a connection is still to be found. */
  readonly codec: Codec | null
  readonly remote: RemotePeer | null
  /** Null for channels of the other side, too. */
  readonly connection: PeerConnection | null

  constructor(
    host: CoreHost,
    spec: OpenSpec | null,
    options: CoreOptions = NO_OPTIONS,
    codec: Codec | null = null,
    remote: RemotePeer | null = null,
    connection: PeerConnection | null = null,
  ) {
    this.host = host
    this.spec = spec
    this.options = options
    this.codec = codec
    this.remote = remote
    this.connection = connection
  }

  /** The same for a connection; the last of them is kept there. */
  on(connection: PeerConnection, codec: Codec): CommonParts {
    const { host, spec, options } = this
    const last = connection.common
    if (last !== null && last.spec === spec && last.options === options && last.codec === codec) return last
    const common = new CommonParts(host, spec, options, codec, connection.remote, connection)
    // What was asked for with options is not asked for again, and they may hold much.
    if (options === NO_OPTIONS) connection.common = common
    return common
  }

  /** For the cache of those that are opened without options. */
  get name(): string {
    return this.spec === null ? '' : this.spec.name
  }
}
