// Owns: what an error of the library means in the words of the ledger.
// Must not know: calls.

/** @typedef {import('../ledger.mjs').Outcome} Outcome */
/** @typedef {Omit<import('../ledger.mjs').Settle, 'k' | 't' | 'id'>} Settled */

/** What the delivery of an error means, when nothing else says more. @type {Readonly<Record<string, Outcome>>} */
const OUTCOMES = {
  'not-sent': 'NOT_SENT',
  'not-processed': 'REFUSED',
  unknown: 'UNKNOWN',
  processed: 'PARTIAL',
}

/** @param {string} code @param {string} delivery @returns {Outcome} */
export function outcomeFor(code, delivery) {
  if (code === 'DEADLINE_EXCEEDED') return 'DEADLINE'
  if (code === 'BROKEN') return 'ERR'
  return OUTCOMES[delivery] ?? 'UNKNOWN'
}
