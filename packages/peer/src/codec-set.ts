// Owns: what a peer needs of codecs: which there are, and which one a channel uses.
// Must not know: any codec. The registry of @peerplex/codec fits.
import type { Codec, PeerplexError } from '@peerplex/wire'

export interface CodecSet {
  /** The text of HELLO `codecs`: names in order of preference. */
  announce(): string
  /** The other side's text: id by name. Never throws. */
  parse(text: string): ReadonlyMap<string, number>
  /** The codec of a channel that the other side opened: its number means what their list says. */
  byTheirId(id: number, theirs: ReadonlyMap<string, number> | null): Codec | undefined
  /**
   * The codec for a new channel: the one named, or else the first of ours that the other side has (`theirs` null: not known yet,
   * our first). An error names both lists.
   */
  choose(name: string | undefined, theirs: ReadonlyMap<string, number> | null): Codec | PeerplexError
}
