// Owns: nothing; names what a channel asks of its peer, so that it does not import it.
// Must not know: how a peer does it.
import type { Outcome } from '@peerplex/wire'
import type { ChannelOptions } from './channel-options.js'
import type { OutputHost } from './channel-output.js'
import type { CodecSet } from './codec-set.js'
import type { OpenRequest, OpenSpec, RequestSink } from './open-request.js'

/** What a channel asks of its peer. @internal */
export interface CoreHost extends OutputHost {
  readonly codecs: CodecSet
  submit(spec: OpenSpec, sink: RequestSink): OpenRequest
  cancel(request: OpenRequest, code?: number): void
  retry(request: OpenRequest, outcome: Outcome): boolean
  settle(request: OpenRequest): void
  reportError(error: unknown, name: string, remote: string): void
}

/** What the program wants to be told, besides. */
export type CoreOptions = Pick<ChannelOptions, 'signal' | 'onHeaders' | 'onTrailers'>
