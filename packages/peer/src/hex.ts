// Owns: bytes as hex digits.
// Must not know: what the bytes are.

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
