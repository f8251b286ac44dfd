// Owns: `node chaos/checker-program.mjs FOLDER [--json]`: the verdict on the ledgers of a folder, for people or as JSON.
// Exit code: 0 all invariants hold, 1 one does not, 2 there is nothing that could be judged.

import { checkLedger, INVARIANTS, LedgerError } from './checker.mjs'
import { LedgerFolder } from './ledger-files.mjs'
import { verdictText } from './verdict-text.mjs'

const USAGE = 'node chaos/checker-program.mjs FOLDER [--json]   judges all *.jsonl of a folder\n'

const { folder, isJson } = parse(process.argv.slice(2))
if (folder === undefined) fail(USAGE)
else {
  try {
    const lines = new LedgerFolder(folder)
    if (lines.files.length === 0) fail(`${folder} has no *.jsonl\n`)
    else {
      const startMs = performance.now()
      const verdict = checkLedger(lines)
      const tookMs = Math.round(performance.now() - startMs)
      const { tornCount, files } = lines
      const text = isJson
        ? JSON.stringify(
            { ...verdict, invariants: INVARIANTS, tornCount, files: files.length, tookMs },
            null,
            2,
          )
        : `${verdictText(verdict)}\n${files.length} files, ${tornCount} cut off; judged in ${tookMs} ms`
      process.stdout.write(`${text}\n`)
      process.exitCode = verdict.isOk ? 0 : 1
    }
  } catch (error) {
    const isTold = error instanceof LedgerError || (error instanceof Error && 'code' in error)
    if (!isTold) throw error
    fail(`${error.message}\n`)
  }
}

/** @param {string[]} args @returns {{ folder?: string, isJson: boolean }} */
function parse(args) {
  const folders = args.filter((arg) => !arg.startsWith('-'))
  const isUsable = folders.length === 1 && args.every((arg) => !arg.startsWith('-') || arg === '--json')
  return { isJson: args.includes('--json'), ...(isUsable && { folder: /** @type {string} */ (folders[0]) }) }
}

/** @param {string} text */
function fail(text) {
  process.stderr.write(text)
  process.exitCode = 2
}
