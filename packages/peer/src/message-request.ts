// Owns: a request whose channel begins with a message, as calls do: encoding it for the connection that takes it, and holding it until it
// will not be sent again.
// Must not know: what the message means.
import type { ByteRange, Codec } from '@peerplex/wire'
import { byteRange, keptBytes, NO_BYTES, setWhole } from '@peerplex/wire/internal'
import { OpenRequest } from './open-request.js'

/** Between a codec and a request, and between a request and a session. */
const encoded = byteRange()

export class MessageRequest extends OpenRequest {
  /** The first message: a part of these bytes; null while it is not encoded. */
  #bytes: Uint8Array | null = null
  #view: DataView | null = null
  #start = 0
  #end = 0

  override get messageBytes(): number {
    return this.#end - this.#start + this.heldBytes
  }

  override encode(codec: Codec): void {
    if (this.spec.hasMessage && (this.#bytes === null || this.codec !== codec)) {
      this.encodeMessage(codec, encoded)
      if (encoded.isBorrowed) setWhole(encoded, keptBytes(encoded))
      this.#bytes = encoded.bytes
      this.#view = encoded.view
      this.#start = encoded.start
      this.#end = encoded.end
      encoded.bytes = NO_BYTES
    }
    this.codec = codec
  }

  override get message(): ByteRange | null {
    if (this.#bytes === null) return null
    encoded.bytes = this.#bytes
    encoded.view = this.#view
    encoded.start = this.#start
    encoded.end = this.#end
    encoded.isBorrowed = false
    return encoded
  }

  override release(): void {
    this.heldBytes = 0
    this.#bytes = null
    this.#view = null
    this.#start = 0
    this.#end = 0
  }

  /** Sets `out` to the first message; what a request that is its own sink does by itself. */
  protected encodeMessage(codec: Codec, out: ByteRange): void {
    setWhole(out, this.sink.encodeFirst?.(codec) ?? NO_BYTES)
  }
}
