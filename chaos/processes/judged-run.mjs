// Owns: a run and the verdict on it: its folder, its progress on stderr, the checker in a process of its own, and leaving nothing behind.
// Must not know: what happens in a run; how a verdict is found.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Run } from './run.mjs'

/**
 * `verdict`: null when there is none, then `troubles` say why. `struck`: so often each fault came. `proxyCounts`: what the proxies did.
 * `tookMs`: with all processes, without the checker.
 * @typedef {{ isOk: boolean, verdict: import('../checker.mjs').Verdict | null, troubles: string[], struck: Record<string, number>,
 *   proxyCounts: Record<string, number>, tookMs: number, checkedMs: number }} Judged
 */

/** Where there is no terminal, progress is a line now and then. */
const TERMINAL_MS = 500
const LINE_MS = 10_000
/** A million calls with their runs. */
const CHECKER_MEMORY_MB = 8_192

/**
 * @param {Omit<import('./run.mjs').RunOptions, 'folder'>} options
 * @param {{ keep?: string | undefined, isQuiet?: boolean }} how `keep`: a folder that the ledgers are copied to
 * @returns {Promise<Judged>}
 */
export async function judgedRun(options, { keep, isQuiet = false }) {
  const folder = mkdtempSync(join(tmpdir(), 'peerplex-chaos-'))
  const run = new Run({ ...options, folder })
  const cleanUp = () => {
    run.kill()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  // Whatever ends this process, nothing is left behind.
  process.on('exit', cleanUp)
  const timer = isQuiet ? undefined : tellProgress(run)
  try {
    const beganMs = performance.now()
    await run.play().catch((error) => {
      run.troubles.push(error instanceof Error ? error.message : String(error))
      run.kill()
    })
    const tookMs = performance.now() - beganMs
    clearInterval(timer)
    if (process.stderr.isTTY && !isQuiet) process.stderr.write('\r\u001b[K')
    if (keep !== undefined) keepLedgers(folder, keep)
    const verdict = await check(folder)
    if (verdict === null) run.troubles.push('the ledgers could not be judged')
    const { troubles, proxyCounts, struck } = run
    const checkedMs = performance.now() - beganMs - tookMs
    const isOk = verdict?.isOk === true && troubles.length === 0
    return { isOk, verdict, troubles, struck, proxyCounts, tookMs, checkedMs }
  } finally {
    clearInterval(timer)
    process.off('exit', cleanUp)
    cleanUp()
  }
}

/** @param {Run} run */
function tellProgress(run) {
  const isTerminal = process.stderr.isTTY === true
  const beganMs = performance.now()
  return setInterval(
    () => {
      const { madeCount, pendingCount, faultCount } = run.progress
      const seconds = (performance.now() - beganMs) / 1_000
      const line = `${seconds.toFixed(0)} s: ${madeCount} calls, ${pendingCount} under way, ${faultCount} faults`
      process.stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`)
    },
    isTerminal ? TERMINAL_MS : LINE_MS,
  )
}

/** @param {string} from @param {string} to */
function keepLedgers(from, to) {
  mkdirSync(to, { recursive: true })
  cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith('.sock') })
}

/** @param {string} folder @returns {Promise<import('../checker.mjs').Verdict | null>} */
function check(folder) {
  const program = fileURLToPath(new URL('../checker-program.mjs', import.meta.url))
  const args = [`--max-old-space-size=${CHECKER_MEMORY_MB}`, program, folder, '--json']
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0 || code === 1 ? JSON.parse(text) : null))
  })
}
