// Owns: what calls in both directions ask of the peer that they belong to.
// Must not know: how a peer does any of it.
import type { ChannelPeer } from '@peerplex/peer'
import type { SpecCache } from '@peerplex/peer/internal'
import type { CallOptions } from './call-options.js'
import type { ReplyStream } from './reply-stream.js'

/** The three ways to call, without types. */
export interface Caller {
  call(name: string, input: unknown, options: CallOptions): Promise<unknown>
  stream(name: string, input: unknown, options: CallOptions): ReplyStream
  notify(name: string, input: unknown, options: CallOptions): Promise<void>
}

export interface CallHost extends Caller {
  readonly channels: ChannelPeer
  readonly specs: SpecCache
  /** An error that no caller hears of. */
  reportError(error: unknown, name: string, remote: string): void
}
