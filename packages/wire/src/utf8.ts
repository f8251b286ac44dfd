// Owns: text to bytes and back, with small bounded caches for the names that repeat on every call.
// Must not know: frames. No validation here: invalid UTF-8 becomes U+FFFD (spec §6).

/** No bytes; shared. */
export const NO_BYTES: Uint8Array = new Uint8Array(0)

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Slots per cache. A name that does not repeat costs one slot; two that share a slot just evict each other. */
const CACHE_SLOTS = 512
/** Longer texts are not cached, so a cache holds at most 512 × 64 characters. */
const CACHED_TEXT_BYTES = 64

/** The UTF-8 bytes of `text`; the result is new. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of `bytes[start, end)`, which it borrows; invalid sequences become U+FFFD. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end))
}

/**
 * Names by their bytes: turns the bytes of a name into the same string object each time, without decoding it anew.
 * Direct-mapped and bounded, so a peer that sends a new name with every call gains nothing but cache misses.
 */
export class NameCache {
  /** Null until there is a name. */
  #slots: { readonly bytes: Uint8Array; readonly text: string }[] | null = null

  /** The text of `bytes[start, end)`; borrows the bytes. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length > CACHED_TEXT_BYTES) return decodeText(bytes, start, end)
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
    const slot = (hash ^ (hash >>> 9)) & (CACHE_SLOTS - 1)
    const known = this.#slots?.[slot]
    if (known?.bytes.length === length) {
      let same = 0
      while (same < length && known.bytes[same] === bytes[start + same]) same++
      if (same === length) return known.text
    }
    const text = decodeText(bytes, start, end)
    this.#slots ??= []
    this.#slots[slot] = { bytes: bytes.slice(start, end), text }
    return text
  }
}

/** Bytes by name, the way out. Cleared when full, which bounds it without bookkeeping per use. */
export class NameBytes {
  readonly #known = new Map<string, Uint8Array>()
  readonly #check: (text: string, bytes: Uint8Array) => void
  #lastText: string | null = null
  #lastBytes: Uint8Array = new Uint8Array(0)

  /** `check` sees each text before it is kept, and keeps it from that by throwing. */
  constructor(check: (text: string, bytes: Uint8Array) => void = () => {}) {
    this.#check = check
  }

  /** The UTF-8 bytes of `text`; shared, the caller must not change them. Throws what the check throws. */
  get(text: string): Uint8Array {
    // The same name again and again, several times for one call: comparing is cheaper than looking up.
    if (text === this.#lastText) return this.#lastBytes
    const bytes = this.#look(text)
    if (bytes.length > CACHED_TEXT_BYTES) return bytes
    this.#lastBytes = bytes
    this.#lastText = text
    return bytes
  }

  #look(text: string): Uint8Array {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const bytes = encoder.encode(text)
    this.#check(text, bytes)
    if (bytes.length > CACHED_TEXT_BYTES) return bytes
    if (this.#known.size >= CACHE_SLOTS) this.#known.clear()
    this.#known.set(text, bytes)
    return bytes
  }
}
