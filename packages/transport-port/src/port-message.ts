// Owns: what a message that came over a port is: the bytes in it, or a few words for what it is instead.
// Must not know: ports, what the bytes mean.

type ByteLength = (this: unknown) => number

/**
 * The bytes of a received message, uncopied: it is ours alone. Otherwise what it is, for people. Looks at nothing that could
 * be code of somebody's, and takes buffers of any realm.
 */
export function bytesOf(message: unknown): Uint8Array | string {
  if (typeof message !== 'object' || message === null) return nameOf(message)
  if (isArrayBuffer(message)) return new Uint8Array(message)
  if (!ArrayBuffer.isView(message)) return isSharedBuffer(message) ? 'shared memory' : 'an object'
  const { buffer, byteOffset, byteLength } = message
  // Shared memory could change while it is read.
  return isArrayBuffer(buffer) ? new Uint8Array(buffer, byteOffset, byteLength) : 'shared memory'
}

// The getters of these classes throw for anything that is not of the class, and run nothing else.
const byteLengthOf = lengthGetter(ArrayBuffer.prototype)
/** Pages that are not isolated have no such class. */
const sharedByteLengthOf =
  typeof SharedArrayBuffer === 'undefined' ? undefined : lengthGetter(SharedArrayBuffer.prototype)

function lengthGetter(prototype: object): ByteLength {
  return Object.getOwnPropertyDescriptor(prototype, 'byteLength')?.get as ByteLength
}

function isArrayBuffer(value: object): value is ArrayBuffer {
  return has(byteLengthOf, value)
}

function isSharedBuffer(value: object): boolean {
  return sharedByteLengthOf !== undefined && has(sharedByteLengthOf, value)
}

function has(byteLength: ByteLength, value: object): boolean {
  try {
    byteLength.call(value)
    return true
  } catch {
    return false
  }
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return `a ${typeof value}`
}
