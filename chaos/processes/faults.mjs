// Owns: which faults there are, how often each comes, how long it lasts; everything about it drawn from the seed.
// Must not know: processes and proxies, and how a fault is done.

/** @typedef {import('./chaos-proxy.mjs').PairFault} PairFault */
/** What is done to the process of a callee; `freezeCaller` to that of a caller. @typedef {{ kind: 'kill' | 'freeze' | 'freezeCaller' | 'drain', forMs: number }} ProcessFault */
/** `at`: on what it is done. @typedef {{ at: 'callee' | 'caller', fault: ProcessFault } | { at: 'pair', fault: PairFault }} Drawn */
/** @typedef {keyof typeof DECK} FaultKind */

/** Each as often in a row of all, so that after one row every kind has come. */
const DECK = {
  kill: 2,
  freeze: 1,
  freezeLong: 1,
  freezeCaller: 1,
  drain: 2,
  latency: 1,
  jitter: 1,
  rate: 1,
  split: 1,
  merge: 1,
  reset: 2,
  end: 1,
  halfClose: 2,
  cutAfter: 2,
  hold: 1,
  holdOneWay: 1,
  halfOpen: 1,
  refuse: 1,
  spoil: 2,
}

export const FAULT_NAMES = /** @type {FaultKind[]} */ (Object.keys(DECK))

/** @param {import('./chance.mjs').Chance} chance @param {readonly FaultKind[]} kinds */
export function shuffledDeck(chance, kinds) {
  return chance.shuffle(kinds.flatMap((kind) => Array.from({ length: DECK[kind] }, () => kind)))
}

/**
 * What exactly a fault is. `idleTimeoutMs`: after which the peers give a silent connection up; some faults last longer.
 * @param {FaultKind} kind @param {import('./chance.mjs').Chance} chance @param {number} idleTimeoutMs @returns {Drawn}
 */
export function drawFault(kind, chance, idleTimeoutMs) {
  const direction = chance.pick(/** @type {const} */ (['up', 'down', 'both']))
  const shortMs = chance.int(100, 1_200)
  const longMs = idleTimeoutMs + chance.int(300, 1_500)
  const cut = chance.pick(/** @type {const} */ (['reset', 'end', 'halfClose']))
  /** @param {Partial<import('@peerplex/testkit').FaultSettings>} settings @returns {Drawn} */
  const set = (settings, forMs = shortMs) => ({
    at: 'pair',
    fault: { kind, do: 'set', settings, direction, forMs },
  })
  switch (kind) {
    case 'kill':
    case 'drain':
      return { at: 'callee', fault: { kind, forMs: chance.int(0, 500) } }
    case 'freeze':
      return { at: 'callee', fault: { kind, forMs: shortMs } }
    case 'freezeLong':
      return { at: 'callee', fault: { kind: 'freeze', forMs: longMs } }
    case 'freezeCaller':
      return { at: 'caller', fault: { kind, forMs: chance.bool(0.5) ? shortMs : longMs } }
    case 'latency':
      return set({ latencyMs: chance.int(1, 100) })
    case 'jitter':
      return set({ jitterMs: chance.int(1, 100) })
    case 'rate':
      return set({ bytesPerSecond: 2 ** chance.int(14, 20) })
    case 'split':
      return set({ splitBytes: chance.pick([1, 2, 3, 7, 12, 13, 100, 1_460]) })
    case 'merge':
      return set({ mergeMs: chance.int(1, 50) })
    case 'hold':
      return {
        at: 'pair',
        fault: { kind, do: 'set', settings: BLACK_HOLE, direction: 'both', forMs: shortMs },
      }
    case 'holdOneWay': {
      const way = chance.pick(/** @type {const} */ (['up', 'down']))
      const forMs = chance.bool(0.5) ? shortMs : longMs
      return { at: 'pair', fault: { kind, do: 'set', settings: BLACK_HOLE, direction: way, forMs } }
    }
    case 'halfOpen':
      return {
        at: 'pair',
        fault: { kind, do: 'set', settings: BLACK_HOLE, direction: 'both', forMs: longMs },
      }
    case 'reset':
    case 'end':
    case 'halfClose':
      return { at: 'pair', fault: { kind, do: 'cut', cut: kind, direction, forMs: 0 } }
    case 'cutAfter': {
      const bytes = chance.bool(0.5) ? chance.int(0, 300) : chance.int(0, 100_000)
      return { at: 'pair', fault: { kind, do: 'cutAfter', cut, bytes, direction, forMs: 0 } }
    }
    case 'refuse':
      return { at: 'pair', fault: { kind, do: 'refuse', direction, forMs: shortMs } }
    case 'spoil':
      return { at: 'pair', fault: { kind, do: 'spoil', direction, forMs: 0 } }
  }
}

const BLACK_HOLE = Object.freeze({ isBlackHole: true })
