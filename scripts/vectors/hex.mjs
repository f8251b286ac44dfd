// Owns: writing numbers and text as hexadecimal strings, the only form in which this generator handles bytes.
// Must not know: frames.

/** @typedef {string} Hex lower case, two digits a byte, no blanks */

/** @param {number} value @returns {Hex} */
export const u8 = (value) => number(value, 1)
/** @param {number} value @returns {Hex} */
export const u16 = (value) => number(value, 2)
/** @param {number} value @returns {Hex} */
export const u32 = (value) => number(value, 4)
/** @param {number} value @returns {Hex} two's complement */
export const i32 = (value) => number(value < 0 ? value + 2 ** 32 : value, 4)

/**
 * @param {string} value
 * @returns {Hex} its UTF-8
 */
export const text = (value) => Buffer.from(value, 'utf8').toString('hex')

/**
 * @param {Hex} hex
 * @param {number} count
 * @returns {Hex}
 */
export const repeat = (hex, count) => hex.repeat(count)

/** @param {Hex} hex */
export const byteLength = (hex) => hex.length / 2

/**
 * @param {string} spaced hexadecimal with blanks and line breaks for readers
 * @returns {Hex}
 */
export function hex(spaced) {
  const compact = spaced.replace(/\s/g, '')
  if (!/^([0-9a-f]{2})*$/.test(compact)) throw new Error(`not hexadecimal: ${spaced}`)
  return compact
}

/**
 * @param {number} value
 * @param {number} bytes
 * @returns {Hex} little-endian
 */
function number(value, bytes) {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** bytes) {
    throw new Error(`${value} does not fit ${bytes} bytes`)
  }
  let rest = value
  let digits = ''
  for (let at = 0; at < bytes; at++) {
    digits += (rest % 256).toString(16).padStart(2, '0')
    rest = Math.floor(rest / 256)
  }
  return digits
}
