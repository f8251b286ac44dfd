// Owns: the ten invariants (reliability bar B8): what has to be true of a ledger whatever the faults were, and what counts as a violation.
// Must not know: the library. It believes the lines of the ledger and nothing else.
//
// What it cannot know it does not judge: a handler whose process was killed never ends, a connection that was lost gives its calls to another
// one, a one-way that was handed over may be lost. Each of those needs a line of a fault at that time (see ledger.mjs).

import { Calls, Faults } from './calls.mjs'
import { answerOf } from './ledger.mjs'

export { LedgerError } from './calls.mjs'

/** What each invariant says, for people. */
export const INVARIANTS = /** @type {const} */ ({
  I1: 'every call that was started ends exactly once, in time',
  I2: 'OK means that it ran: once, or at least once when idempotent',
  I3: 'not sent and refused mean that it never ran',
  I4: 'unknown means that it ran once or never, and processed that it ran',
  I5: 'what is not idempotent never runs twice',
  I6: 'an answer is the answer to that call',
  I7: 'items come in order, whole, without gaps, and all of them when the call ends well',
  I8: 'after cancelling the handler is told soon, and no item comes any more',
  I9: 'calls reach a callee in the order in which they were made on a connection',
  I10: 'when all is over nobody holds anything',
})

/** @typedef {keyof typeof INVARIANTS} Invariant */

/**
 * `id`: of the call; for I10 the name of the peer. `why`: what is wrong, with figures. `lines`: those that show it, when `lines` of the ledger
 * can be gone through twice.
 * @typedef {{ invariant: Invariant, id: string, why: string, lines: import('./ledger.mjs').Line[] }} Violation
 */

/**
 * `settleWithinMs`: how long after its deadline a call may end (1000). `abortWithinMs`: how long after a cancel its handler may hear of it
 * (100). `quietMs`: how long after a fault it may still be the cause of something late (1000). `isGated`: whether more UNKNOWN than the faults
 * counted is a failure (true).
 * @typedef {{ settleWithinMs?: number, abortWithinMs?: number, quietMs?: number, isGated?: boolean }} CheckOptions
 */

/**
 * Figures over the whole ledger. `runsTwice`: calls that ran more than once. `unknown` may not exceed `inFlight`, the sum of the counts of
 * all faults. `longestLateMs`: longest settle after a deadline. `cancelsTimed`: handlers that no
 * fault kept from hearing of a cancel; `longestAbortMs` is about those.
 * @typedef {{ lines: number, calls: number, byKind: Record<string, Record<string, number>>, attempts: number, runs: number, runsTwice: number,
 *   onewaysLost: number, faults: Record<string, number>, unknown: number, inFlight: number, unknownRate: number, got: number, took: number,
 *   longestLateMs: number, longestAbortMs: number, cancelsTimed: number }} Figures
 * @typedef {{ isOk: boolean, counts: Record<Invariant, number>, violations: Violation[], isUnknownHigh: boolean, figures: Figures }} Verdict
 */

/** So many of each invariant are shown. */
const SHOWN = 20
/** So many lines of each violation. */
const SHOWN_LINES = 30

const NEVER_RAN = new Set(['NOT_SENT', 'REFUSED'])
const NEVER_RAN_DELIVERIES = new Set(['not-sent', 'not-processed'])
const NEVER = Number.POSITIVE_INFINITY

/**
 * Judges a ledger: the lines of all processes, those of each process in the order in which it wrote them. Throws LedgerError for what is no
 * ledger.
 * @param {Iterable<import('./ledger.mjs').Line>} lines
 * @param {CheckOptions} [options]
 * @returns {Verdict}
 */
export function checkLedger(lines, options = {}) {
  const calls = new Calls()
  for (const line of lines) calls.add(line)
  const judge = new Judge(calls, options)
  for (const call of calls.byId.values()) judge.call(call)
  judge.orders()
  judge.rests()
  const violations = judge.violations
  if (violations.length > 0 && isRepeatable(lines)) addLines(violations, lines)
  const figures = figuresOf(calls, judge)
  const isUnknownHigh = (options.isGated ?? true) && figures.unknown > figures.inFlight
  return {
    isOk: violations.length === 0 && !isUnknownHigh,
    counts: judge.counts,
    violations,
    isUnknownHigh,
    figures,
  }
}

class Judge {
  /** @type {Record<Invariant, number>} */
  counts = { I1: 0, I2: 0, I3: 0, I4: 0, I5: 0, I6: 0, I7: 0, I8: 0, I9: 0, I10: 0 }
  /** @type {Violation[]} */
  violations = []
  longestLateMs = 0
  longestAbortMs = 0
  cancelsTimed = 0
  onewaysLost = 0
  #calls
  #faults
  #settleWithinMs
  #abortWithinMs
  #quietMs

  /** @param {Calls} calls @param {CheckOptions} options */
  constructor(calls, options) {
    this.#calls = calls
    this.#faults = new Faults(calls.faults)
    this.#settleWithinMs = options.settleWithinMs ?? 1_000
    this.#abortWithinMs = options.abortWithinMs ?? 100
    this.#quietMs = options.quietMs ?? 1_000
  }

  /** I1 to I8, which concern one call. @param {import('./calls.mjs').Call} call */
  call(call) {
    this.#ends(call)
    this.#ran(call)
    if (call.kind === 'unary' && call.outcome === 'OK' && call.result !== answerOf(call.id)) {
      this.#violation('I6', call.id, `the answer is '${call.result}', and should be '${answerOf(call.id)}'`)
    }
    this.#items(call)
    if (!Number.isNaN(call.cancelMs)) this.#cancelled(call)
  }

  /** I1. @param {import('./calls.mjs').Call} call */
  #ends(call) {
    if (call.starts !== 1) {
      this.#violation('I1', call.id, `it was started ${call.starts} times`)
      if (call.starts === 0) return
    }
    if (call.settles === 0) {
      const deathMs = this.#faults.deathMs(call.caller, call.startMs)
      // Who stands still cannot end anything, and may die like that.
      const frozenMs = deathMs === NEVER ? 0 : this.#faults.frozenMs(call.caller, call.startMs, deathMs)
      const lastMs =
        call.timeoutMs === 0 ? NEVER : call.startMs + call.timeoutMs + this.#settleWithinMs + frozenMs
      if (deathMs < NEVER && deathMs <= lastMs) return
      this.#violation('I1', call.id, `it never ended; it was started at ${call.startMs}`)
      return
    }
    if (call.settles > 1) this.#violation('I1', call.id, `it ended ${call.settles} times`)
    if (call.timeoutMs === 0) return
    const lateMs = call.settleMs - call.startMs - call.timeoutMs
    this.longestLateMs = Math.max(this.longestLateMs, lateMs)
    if (lateMs <= this.#settleWithinMs) return
    const frozenMs = this.#faults.frozenMs(call.caller, call.startMs, call.settleMs)
    if (lateMs > this.#settleWithinMs + frozenMs) {
      this.#violation('I1', call.id, `it ended ${Math.round(lateMs)} ms after its deadline`)
    }
  }

  /** I2 to I5: how it ended, and how often it ran. @param {import('./calls.mjs').Call} call */
  #ran(call) {
    const count = call.runs.length
    const { id, outcome } = call
    if (outcome === 'OK') this.#ranWell(call)
    else if (outcome === 'ERR' && count === 0) this.#violation('I2', id, 'its handler answered and never ran')
    else if (NEVER_RAN.has(outcome) || (outcome === 'DEADLINE' && NEVER_RAN_DELIVERIES.has(call.delivery))) {
      if (count > 0) this.#violation('I3', id, `${outcome} (${call.delivery}), and it ran ${times(count)}`)
    } else if (outcome === 'UNKNOWN' && count > 1 && !call.isIdempotent) {
      this.#violation('I4', id, `UNKNOWN, and it ran ${times(count)}`)
    } else if (outcome === 'PARTIAL' && count === 0) {
      this.#violation('I4', id, 'PARTIAL, and it never ran')
    }
    if (count > 1 && !call.isIdempotent && call.starts > 0) {
      this.#violation('I5', id, `not idempotent, and it ran ${times(count)}`)
    }
    if (call.strays > 0) this.#violation('I5', id, `${call.strays} ends or aborts of runs that had not begun`)
  }

  /** @param {import('./calls.mjs').Call} call */
  #ranWell(call) {
    const { id, kind } = call
    const count = call.runs.length
    if (kind === 'oneway') {
      // Handed over is all that OK says; it may be lost behind that, when something is.
      if (count > 0) return
      this.onewaysLost++
      if (this.#calls.faults.length === 0) this.#violation('I2', id, 'OK without any fault, and it never ran')
    } else if (count === 0) this.#violation('I2', id, 'OK, and it never ran')
    else if (count > 1 && !call.isIdempotent) this.#violation('I2', id, `OK, and it ran ${times(count)}`)
    else if (!call.runs.some(({ isOk }) => isOk)) {
      this.#violation('I2', id, 'OK, and no run of its handler ended well')
    }
  }

  /** I7. @param {import('./calls.mjs').Call} call */
  #items(call) {
    const { id, kind, outcome, items } = call
    if (call.got !== null) {
      if (call.got.fault !== '') this.#violation('I7', id, `got ${call.got.fault}`)
      else if (call.hasItemAfterEnd) this.#violation('I7', id, 'got an item after it had ended')
    }
    for (const [attempt, { fault }] of call.took ?? []) {
      if (fault !== '') this.#violation('I7', id, `attempt ${attempt} took ${fault}`)
    }
    if (outcome !== 'OK') return
    if (kind === 'down' && (call.got?.count ?? 0) !== items) {
      this.#violation('I7', id, `OK with ${call.got?.count ?? 0} of ${items} items`)
    } else if (kind === 'up') {
      const ended = call.runs.filter(({ isOk }) => isOk)
      const counts = ended.map(({ attempt }) => call.took?.get(attempt)?.count ?? 0)
      if (ended.length > 0 && !counts.includes(items)) {
        this.#violation('I7', id, `OK, and its handler took ${counts.join(', ')} of ${items} items`)
      }
    }
  }

  /** I8. @param {import('./calls.mjs').Call} call */
  #cancelled(call) {
    if (call.hasLateItem) this.#violation('I8', call.id, 'got an item after it was cancelled')
    if (call.outcome !== 'CANCELLED') return
    for (const run of call.runs) {
      const sinceMs = Math.max(call.cancelMs, run.t)
      const toldMs = Math.min(run.abortMs, run.doneMs)
      if (toldMs === NEVER) {
        if (this.#faults.deathMs(run.peer, run.t) < NEVER) continue
        this.#violation('I8', call.id, `cancelled, and its handler at ${run.peer} never heard of it`)
        continue
      }
      const lateMs = toldMs - sinceMs
      if (this.#faults.hasTouched(run, call.startMs - this.#quietMs, toldMs)) continue
      this.cancelsTimed++
      this.longestAbortMs = Math.max(this.longestAbortMs, lateMs)
      if (lateMs > this.#abortWithinMs) {
        this.#violation(
          'I8',
          call.id,
          `cancelled, and its handler at ${run.peer} heard of it after ${lateMs} ms`,
        )
      }
    }
  }

  /** I9. */
  orders() {
    for (const lives of this.#calls.byConnection.values()) {
      for (const runs of lives) this.#order(runs.sort((a, b) => a.order - b.order || a.at - b.at))
    }
  }

  /** @param {readonly import('./calls.mjs').Run[]} runs of one connection, as they began */
  #order(runs) {
    /** The youngest call so far, by caller and kind. @type {Map<string, import('./calls.mjs').Call>} */
    const youngest = new Map()
    for (const { call, attempt, t } of runs) {
      // A repetition comes late by its nature, and so does what takes many frames.
      if (attempt > 0 || call.starts === 0 || call.isLarge) continue
      const key = `${call.kind} ${call.caller}`
      const last = youngest.get(key)
      if (last === undefined || call.number > last.number) youngest.set(key, call)
      // Given back by another connection when the younger one had been made already.
      else if (call.number < last.number && !this.#faults.hasBegun(last.startMs, t)) {
        this.#violation('I9', call.id, `ran after ${last.id}, which was called later`)
      }
    }
  }

  /** I10. */
  rests() {
    const { rests, lastMs } = this.#calls
    const told = new Set()
    for (const rest of rests) {
      told.add(rest.peer)
      const { pending, queued, bufferedBytes, channels } = rest
      if (pending === 0 && queued === 0 && bufferedBytes === 0 && channels === 0) continue
      const held = `${pending} pending, ${queued} queued, ${bufferedBytes} bytes, ${channels} channels`
      this.#violation('I10', rest.peer, `${rest.peer} still holds ${held}`)
    }
    for (const [peer, ms] of lastMs) {
      if (told.has(peer) || this.#faults.deathMs(peer, ms) < NEVER) continue
      this.#violation('I10', peer, `${peer} did not say what it still holds`)
    }
  }

  /** @param {Invariant} invariant @param {string} id @param {string} why */
  #violation(invariant, id, why) {
    if (++this.counts[invariant] <= SHOWN) this.violations.push({ invariant, id, why, lines: [] })
  }
}

/** @param {number} count */
function times(count) {
  return count === 1 ? 'once' : `${count} times`
}

/** Whether each `for … of` begins anew. @param {Iterable<unknown>} lines */
function isRepeatable(lines) {
  return /** @type {unknown} */ (lines[Symbol.iterator]()) !== lines
}

/** @param {readonly Violation[]} violations @param {Iterable<import('./ledger.mjs').Line>} lines */
function addLines(violations, lines) {
  /** @type {Map<string, Violation[]>} */
  const byId = new Map()
  for (const violation of violations) {
    const known = byId.get(violation.id)
    if (known === undefined) byId.set(violation.id, [violation])
    else known.push(violation)
  }
  for (const line of lines) {
    const id = line.k === 'rest' ? line.peer : line.k === 'fault' ? '' : line.id
    for (const violation of byId.get(id) ?? []) {
      if (violation.lines.length < SHOWN_LINES) violation.lines.push(line)
    }
  }
}

/** @param {Calls} calls @param {Judge} judge @returns {Figures} */
function figuresOf(calls, judge) {
  /** @type {Record<string, Record<string, number>>} */
  const byKind = {}
  /** @type {Record<string, number>} */
  const faults = {}
  let [attempts, runs, runsTwice, unknown, inFlight] = [0, 0, 0, 0, 0]
  for (const { kind, outcome, attempts: tries, runs: ran } of calls.byId.values()) {
    byKind[kind] ??= {}
    const outcomes = byKind[kind]
    outcomes[outcome || 'none'] = (outcomes[outcome || 'none'] ?? 0) + 1
    attempts += tries
    runs += ran.length
    if (ran.length > 1) runsTwice++
    if (outcome === 'UNKNOWN') unknown++
  }
  for (const { kind, count } of calls.faults) {
    faults[kind] = (faults[kind] ?? 0) + 1
    inFlight += count
  }
  const { byId, lineCount, gotCount, tookCount } = calls
  const unknownRate = byId.size === 0 ? 0 : unknown / byId.size
  const { onewaysLost, longestLateMs, longestAbortMs, cancelsTimed } = judge
  const load = { lines: lineCount, calls: byId.size, byKind, attempts, runs, runsTwice, onewaysLost, faults }
  return {
    ...load,
    unknown,
    inFlight,
    unknownRate,
    got: gotCount,
    took: tookCount,
    longestLateMs,
    longestAbortMs,
    cancelsTimed,
  }
}
