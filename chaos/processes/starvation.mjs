// Owns: noticing that a process stood still because the machine had no time for it, and writing that down: what comes late then is nobody's
// fault. Standing still by its own work is something else, and is not written.
// Must not know: what the process does.

const LOOK_MS = 10
/** Turns of the event loop are this long at times. */
const STALL_MS = 20
const MAX_OWN_SHARE = 0.5

/** @param {string} name the peer, or `*` for who stands between all of them @param {import('./ledger-file.mjs').LedgerFile} ledger @returns {() => void} ends it */
export function watchStarvation(name, ledger) {
  let lastMs = Date.now()
  let lastCpu = process.cpuUsage()
  const timer = setInterval(() => {
    const forMs = Date.now() - lastMs
    const { user, system } = process.cpuUsage(lastCpu)
    if (forMs > LOOK_MS + STALL_MS && (user + system) / 1_000 < forMs * MAX_OWN_SHARE) {
      ledger.write({ k: 'fault', t: lastMs, kind: 'starved', target: name, count: 0, forMs })
    }
    lastMs = Date.now()
    lastCpu = process.cpuUsage()
  }, LOOK_MS)
  return () => clearInterval(timer)
}
