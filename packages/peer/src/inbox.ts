// Owns: channels that other peers open: who answers to their name, and the refusal of those that nobody does (spec §12.3).
// Must not know: what a handler does with its channel.

import type { Channel, Codec, Headers } from '@peerplex/wire'
import { CODE_UNIMPLEMENTED, CODE_UNSUPPORTED_CODEC } from '@peerplex/wire/internal'
import type { CodecSet } from './codec-set.js'
import type { FilterChain } from './filters.js'
import { PatternTable } from './pattern-table.js'
import type { PeerConnection } from './peer-connection.js'
import type { RemotePeer } from './remote-peer.js'

/**
 * Takes a channel: calls `accept` or `refuse` on it, at once or later, and `settle` when its work is done. `headers` are those
 * of the channel unless a filter changed them.
 */
export type InboundHandler = (channel: Channel, codec: Codec, remote: RemotePeer, headers: Headers) => void

export class Inbox {
  readonly #codecs: CodecSet
  readonly #filters: FilterChain
  readonly #table = new PatternTable<InboundHandler>()

  constructor(codecs: CodecSet, filters: FilterChain) {
    this.#codecs = codecs
    this.#filters = filters
  }

  get names(): string[] {
    return this.#table.names
  }

  add(pattern: string, handler: InboundHandler): () => void {
    return this.#table.add(pattern, handler)
  }

  /** Finds the handler of a new channel, or refuses it: name first, then codec (spec §4.1). */
  onChannel(channel: Channel, connection: PeerConnection): void {
    const handler = this.#table.find(channel.name)
    if (handler === undefined) {
      const nearest = this.#table.nearest(channel.name)
      const hint = nearest === undefined ? undefined : { hint: `did you mean '${nearest}'?` }
      channel.refuse(CODE_UNIMPLEMENTED, `no handler for '${channel.name.slice(0, 80)}'`, hint)
      return
    }
    const codec = this.#codecs.byTheirId(channel.codec, connection.codecs)
    if (codec === undefined) {
      const message = `no codec with id ${channel.codec}; there are ${this.#codecs.announce()}`
      channel.refuse(CODE_UNSUPPORTED_CODEC, message)
      return
    }
    const remote = connection.remote as RemotePeer
    if (this.#filters.isEmpty) handler(channel, codec, remote, channel.headers)
    else this.#filter(channel, codec, remote, handler)
  }

  /** Apart: the closure would cost every channel. */
  #filter(channel: Channel, codec: Codec, remote: RemotePeer, handler: InboundHandler): void {
    this.#filters.receive(channel, remote, (headers) => handler(channel, codec, remote, headers))
  }
}
