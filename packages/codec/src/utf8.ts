// Owns: the one encoder and the one strict decoder of UTF-8 that all codecs share.
// Must not know: any encoding of values.

export const encoder: TextEncoder = new TextEncoder()

/** Throws for what is not UTF-8; a byte order mark stays. */
export const strictDecoder: TextDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
