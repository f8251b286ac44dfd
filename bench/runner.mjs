// Owns: one run: a server and a client in two new processes, what they tell each other, their end.
// Must not know: rounds, ratios, what is measured.

import { fork, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** Kinds of workloads that look at memory. */
const WITH_GC = new Set(['paused', 'idle', 'channels', 'pending'])
/** Beyond warm-up and measurement: starting, connecting, filling up. */
const SLACK_MS = 30_000
const KILL_MS = 2_000

/**
 * @typedef {import('./drivers/index.mjs').Result} Result
 * @typedef {import('./drivers/index.mjs').Timing} Timing
 * @typedef {{ result: Result } | { error: string }} Outcome
 */

/**
 * @param {import('./interface.mjs').Entry} entry
 * @param {import('./interface.mjs').Workload} workload
 * @param {Timing} timing
 * @returns {Promise<Outcome>} never rejects: what fails is part of the figures
 */
export async function runOnce(entry, workload, timing) {
  if (workload.kind === 'import') return importOnce(entry)
  const setup = { workload, options: entry.options }
  const execArgv = WITH_GC.has(workload.kind) ? ['--expose-gc'] : []
  const [server, client] = [start(execArgv), start(execArgv)]
  const limitMs = timing.warmupMs + timing.measureMs * 2 + SLACK_MS
  try {
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ error: `no result after ${limitMs} ms` }), limitMs)
      const settle = (/** @type {Outcome} */ outcome) => {
        clearTimeout(timer)
        resolve(outcome)
      }
      for (const [side, child] of /** @type {const} */ ([
        ['server', server],
        ['client', client],
      ])) {
        child.on('exit', (code, signal) => settle({ error: `${side} ended: ${code ?? signal}` }))
        child.on('error', (error) => settle({ error: `${side}: ${error.message}` }))
        child.on('message', (/** @type {any} */ message) => {
          if (message.do === 'failed') settle({ error: `${side}: ${message.text}` })
          else if (message.do === 'result') settle({ result: message.result })
          else if (message.do === 'ask') tell(server, message)
          else if (message.do === 'answer') tell(client, message)
          else if (message.do === 'ready') {
            tell(client, { do: 'run', file: entry.file, setup, address: message.address, timing })
          }
        })
      }
      tell(server, { do: 'serve', file: entry.file, setup })
    })
  } finally {
    await Promise.all([end(client), end(server)])
  }
}

/** @param {string[]} execArgv */
function start(execArgv) {
  return fork(join(here, 'child.mjs'), { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

/** @param {import('node:child_process').ChildProcess} child @param {object} message */
function tell(child, message) {
  if (child.connected) child.send(message, () => {})
}

/**
 * A child ends itself when it is let go; one that is too busy to notice is ended.
 * @param {import('node:child_process').ChildProcess} child
 */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  if (child.connected) child.disconnect()
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_MS)
  await ended
  clearTimeout(timer)
}

/** Starts per round; the fastest one counts, since all disturbance is on top. */
const IMPORTS = 5

/**
 * @param {import('./interface.mjs').Entry} entry
 * @returns {Outcome}
 */
function importOnce(entry) {
  const names = entry.name === 'peerplex' ? ['peerplex'] : (entry.imports ?? entry.packages)
  // Both resolve from the folder they are started in.
  const cwd = entry.name === 'peerplex' ? here : join(here, 'peers')
  const code = names.map((name) => `await import(${JSON.stringify(name)})`).join(';')
  let startMs = Number.POSITIVE_INFINITY
  for (let n = 0; n < IMPORTS; n++) {
    const from = performance.now()
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', `${code};process.exit()`], {
      cwd,
      encoding: 'utf8',
    })
    if (run.status !== 0) return { error: run.stderr.trim() || `ended with ${run.status}` }
    startMs = Math.min(startMs, performance.now() - from)
  }
  return { result: { startMs } }
}
