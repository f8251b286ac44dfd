// Owns: four ways of breaking what the library promises, each a thin layer over a good peer: a check that finds none of them proves nothing.
// Must not know: the ledger, who finds out.

import { PeerplexError } from 'peerplex'

/** @typedef {import('./calling.mjs').Calls} Calls */
/** `calls`: in place of the peer's. `settleWith`: how an end is handed over. @typedef {{ calls: Calls, settleWith: (settle: () => void) => void }} Ways */

const MAX_TRIES = 5
/** So many calls go well for one that does not. */
const ONE_IN = 50

/** @type {Readonly<Record<string, (calls: Calls) => Ways>>} */
export const KNOWN_BAD = {
  'retry-everything': (good) => ({
    calls: withCall(good, (call) => again(call, MAX_TRIES)),
    settleWith: once,
  }),
  'drop-on-reconnect': (good) => ({ calls: withCall(good, forgetLost), settleWith: once }),
  'reuse-call-id': (good) => ({ calls: reusing(good), settleWith: once }),
  'resolve-twice': (good) => ({ calls: good, settleWith: sometimes(twice, once) }),
}

/** @param {string} name of a row, or empty for none @param {Calls} good @returns {Ways} */
export function waysOf(name, good) {
  return KNOWN_BAD[name]?.(good) ?? { calls: good, settleWith: once }
}

/** @param {Calls} good @param {(call: () => Promise<any>) => Promise<any>} around @returns {Calls} */
function withCall(good, around) {
  return {
    call: (name, input, options) => around(() => good.call(name, input, options)),
    notify: (name, input, options) => around(() => good.notify(name, input, options)),
    stream: (name, input, options) => good.stream(name, input, options),
  }
}

/** Repeats what may have run. @param {() => Promise<unknown>} call @param {number} tries @returns {Promise<unknown>} */
async function again(call, tries) {
  try {
    return await call()
  } catch (error) {
    if (tries === 0 || !(error instanceof PeerplexError) || error.delivery !== 'unknown') throw error
    return again(call, tries - 1)
  }
}

/** Forgets what was under way on a connection that was lost. @param {() => Promise<unknown>} call */
async function forgetLost(call) {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof PeerplexError) || error.code !== 'UNAVAILABLE') throw error
    return new Promise(() => {})
  }
}

/** Gives a call what was meant for the one before. @param {Calls} good @returns {Calls} */
function reusing(good) {
  /** @type {unknown} */
  let before
  let count = 0
  return {
    call: (name, input, options) => {
      if (name !== 'unary') return good.call(name, input, options)
      const isReused = ++count % ONE_IN === 0
      const given = isReused ? before : input
      before = input
      return good.call(name, given, options)
    },
    notify: (name, input, options) => good.notify(name, input, options),
    stream: (name, input, options) => good.stream(name, input, options),
  }
}

/** @param {(settle: () => void) => void} rare @param {(settle: () => void) => void} usual */
function sometimes(rare, usual) {
  let count = 0
  return (/** @type {() => void} */ settle) => (++count % ONE_IN === 0 ? rare(settle) : usual(settle))
}

/** @param {() => void} settle */
function once(settle) {
  settle()
}

/** @param {() => void} settle */
function twice(settle) {
  settle()
  settle()
}
