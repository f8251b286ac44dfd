// Owns: the ledger of one process: each line is with the system before `write` returns, so that it survives SIGKILL.
// Must not know: what the lines mean.

import { openSync, writeSync } from 'node:fs'

export class LedgerFile {
  #descriptor

  /** @param {string} file is appended to */
  constructor(file) {
    this.#descriptor = openSync(file, 'a')
  }

  /** @param {import('../ledger.mjs').Line} line */
  write(line) {
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`)
  }
}
