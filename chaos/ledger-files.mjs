// Owns: the ledgers of a folder as lines, read in pieces, so that their size does not matter.
// Must not know: what the lines mean.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { LedgerError } from './calls.mjs'

const PIECE_BYTES = 1_048_576
const NEWLINE = 10

/** The lines of all `*.jsonl` of a folder, file after file; may be gone through again and again. @implements {Iterable<import('./ledger.mjs').Line>} */
export class LedgerFolder {
  /** Last lines that were cut off when their process was killed. */
  tornCount = 0
  /** @type {readonly string[]} */
  files

  /** @param {string} folder Throws what the system says for one that cannot be read. */
  constructor(folder) {
    this.files = readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .map((name) => join(folder, name))
  }

  /** Throws LedgerError for a line that is none, unless it is the last of its file. */
  *[Symbol.iterator]() {
    this.tornCount = 0
    for (const file of this.files) yield* this.#read(file)
  }

  /** @param {string} file @returns {Iterable<import('./ledger.mjs').Line>} */
  *#read(file) {
    let number = 0
    let torn = ''
    for (const text of texts(file)) {
      for (const line of text.split('\n')) {
        number++
        if (line === '') continue
        if (torn !== '') throw new LedgerError(`${file}:${number - 1}: ${torn}`)
        try {
          yield JSON.parse(line)
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error
          torn = error.message
        }
      }
      number--
    }
    if (torn !== '') this.tornCount++
  }
}

/** The text of a file in pieces of whole lines, each with the end of its last line. @param {string} file */
function* texts(file) {
  const descriptor = openSync(file, 'r')
  try {
    let rest = Buffer.alloc(0)
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const length = readSync(descriptor, piece, 0, PIECE_BYTES, null)
      if (length === 0) break
      const bytes = Buffer.concat([rest, piece.subarray(0, length)])
      const end = bytes.lastIndexOf(NEWLINE) + 1
      rest = bytes.subarray(end)
      if (end > 0) yield bytes.toString('utf8', 0, end)
    }
    if (rest.length > 0) yield rest.toString('utf8')
  } finally {
    closeSync(descriptor)
  }
}
