// Owns the columns of the grids, and which of them there cannot be in a runtime, with the reason. It must not know how anything is run.

export const TRANSPORTS = [
  'tcp',
  'unix',
  'ws',
  'wss',
  'worker',
  'shared-worker',
  'port',
  'memory-byte',
  'memory-message',
]

/** Those that lead from one process to another. */
export const SHARED_TRANSPORTS = ['tcp', 'unix', 'ws', 'wss']

/** In the short form. */
export const SHORT_TRANSPORTS = ['tcp', 'ws']

const NO_SOCKETS = 'a page cannot open sockets'

/** @type {Readonly<Record<string, string>>} */
const NOT_IN_CHROMIUM = {
  tcp: NO_SOCKETS,
  unix: NO_SOCKETS,
  wss: 'a page takes only certificates that its browser trusts, and nobody vouches for one on loopback',
}

/** @type {Readonly<Record<string, string>>} */
const NOT_ELSEWHERE = { 'shared-worker': 'SharedWorker is a part of browsers only' }

/**
 * @param {string} runtime its id
 * @returns {Readonly<Record<string, string>>} reasons by transport
 */
export function reasonsAgainst(runtime) {
  if (runtime === 'chromium') return NOT_IN_CHROMIUM
  if (process.platform !== 'win32') return NOT_ELSEWHERE
  return { ...NOT_ELSEWHERE, unix: 'there are no Unix sockets on Windows' }
}
