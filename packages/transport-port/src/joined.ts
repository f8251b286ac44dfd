// Owns: several parts as one message.
// Must not know: where it goes.

/**
 * Copies the parts together. The copy is nobody else's, so that it can be given away; a part may be a view of memory that
 * others see (a slab, a pooled Buffer, a payload of the program), and nothing tells whether it is.
 */
export function joined(parts: readonly Uint8Array[], byteCount: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(byteCount)
  let at = 0
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}
