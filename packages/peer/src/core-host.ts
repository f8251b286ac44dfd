// Owns: what a channel asks of its peer, named so that it does not import it; and what channels that are alike have in common.
// Must not know: how a peer does it.
import type { Codec, Outcome } from '@peerplex/wire'
import { type ChannelOptions, NO_OPTIONS } from './channel-options.js'
import type { CodecSet } from './codec-set.js'
import type { FlowQueue } from './flow-queue.js'
import type { OpenRequest, OpenSpec, RequestSink } from './open-request.js'
import type { RemotePeer } from './remote-peer.js'

/** What a channel asks of its peer. @internal */
export interface CoreHost {
  readonly codecs: CodecSet
  readonly flows: FlowQueue
  /** A channel without a connection holds so much before its sender is asked to wait. */
  readonly holdBytes: number
  /** Counts held bytes in the queue; false: it had better hold no more. */
  hold(request: OpenRequest, bytes: number): boolean
  submit(spec: OpenSpec, sink: RequestSink): OpenRequest
  cancel(request: OpenRequest, code?: number): void
  retry(request: OpenRequest, outcome: Outcome): boolean
  settle(request: OpenRequest): void
  reportError(error: unknown, name: string, remote: string): void
}

/** What the program wants to be told, besides. */
export type CoreOptions = Pick<ChannelOptions, 'signal' | 'onHeaders' | 'onTrailers'>

/** What all channels have in common that were opened alike, or taken by one handler from one remote: one object for all of them. @internal */
export class CommonParts {
  readonly host: CoreHost
  /** What is opened; null for channels of the other side. */
  readonly spec: OpenSpec | null
  readonly options: CoreOptions
  /** Both null for what is opened here, where the connection decides. */
  readonly codec: Codec | null
  readonly remote: RemotePeer | null

  constructor(
    host: CoreHost,
    spec: OpenSpec | null,
    options: CoreOptions = NO_OPTIONS,
    codec: Codec | null = null,
    remote: RemotePeer | null = null,
  ) {
    this.host = host
    this.spec = spec
    this.options = options
    this.codec = codec
    this.remote = remote
  }

  /** For the cache of those that are opened without options. */
  get name(): string {
    return this.spec === null ? '' : this.spec.name
  }
}
