/**
 * Owns: a small ledger in which everything is right: each kind of call, most outcomes, one fault.
 * Must not know: how it is judged.
 */
import type { Line, Outcome, Run, Start } from '../ledger.mjs'
import { answerOf, checksum, itemOf } from '../ledger.mjs'

interface SampleCall {
  readonly id: string
  readonly t: number
  readonly kind?: Start['kind']
  readonly outcome: Outcome
  readonly delivery?: string
  readonly isIdempotent?: boolean
  readonly timeoutMs?: number
  /** How many times it runs, each as an attempt of its own. */
  readonly runs: number
  readonly items?: number
  /** Got or taken, of those. */
  readonly passed?: number
  readonly isCancelled?: boolean
}

/** Writes what a caller `a` and a callee `b` would. */
class Writer {
  readonly lines: Line[] = []
  #order = 0

  call(call: SampleCall): void {
    const { id, t, kind = 'unary', outcome, runs, items = 0, passed = items } = call
    const isOk = outcome === 'OK'
    this.lines.push({
      k: 'start',
      t,
      id,
      kind,
      idempotent: call.isIdempotent ?? false,
      timeoutMs: call.timeoutMs ?? 0,
      items,
    })
    for (let attempt = 0; attempt < runs; attempt++) {
      const isLast = attempt === runs - 1
      const order = this.#order++
      this.lines.push({ k: 'run', t: t + 1 + attempt, id, attempt, peer: 'b', connection: 'c1', order })
      for (let n = 0; kind === 'up' && n < passed; n++) {
        this.lines.push({ k: 'took', t: t + 2, id, attempt, n, sum: checksum(itemOf(id, n)) })
      }
      for (let n = 0; kind === 'down' && isLast && n < passed; n++) {
        this.lines.push({ k: 'got', t: t + 2, id, n, sum: checksum(itemOf(id, n)) })
      }
      if (call.isCancelled) {
        this.lines.push({ k: 'cancel', t: t + 3, id }, { k: 'abort', t: t + 5, id, attempt })
      } else if (outcome !== 'UNKNOWN' && outcome !== 'DEADLINE') {
        this.lines.push({ k: 'done', t: t + 3, id, attempt, peer: 'b', ok: isOk })
      }
    }
    const result = isOk && kind === 'unary' ? { result: answerOf(id) } : {}
    const delivery = call.delivery ?? (isOk ? 'processed' : '')
    const settleMs = t + (outcome === 'DEADLINE' ? (call.timeoutMs ?? 0) + 1 : 6)
    this.lines.push({ k: 'settle', t: settleMs, id, outcome, code: '', delivery, attempts: runs, ...result })
  }
}

const CALLS: readonly SampleCall[] = [
  { id: 'a-1', t: 10_000, outcome: 'OK', runs: 1 },
  { id: 'a-2', t: 10_010, outcome: 'OK', runs: 2, isIdempotent: true, timeoutMs: 500 },
  { id: 'a-3', t: 10_020, outcome: 'OK', runs: 1, kind: 'down', items: 4 },
  { id: 'a-4', t: 10_030, outcome: 'OK', runs: 1, kind: 'up', items: 4 },
  { id: 'a-5', t: 10_040, outcome: 'OK', runs: 1, kind: 'oneway' },
  { id: 'a-6', t: 10_050, outcome: 'NOT_SENT', runs: 0, delivery: 'not-sent' },
  { id: 'a-7', t: 10_060, outcome: 'REFUSED', runs: 0, delivery: 'not-processed' },
  { id: 'a-8', t: 10_070, outcome: 'UNKNOWN', runs: 1, delivery: 'unknown' },
  { id: 'a-9', t: 10_080, outcome: 'ERR', runs: 1, delivery: 'processed' },
  {
    id: 'a-10',
    t: 10_090,
    outcome: 'CANCELLED',
    runs: 1,
    kind: 'down',
    items: 9,
    passed: 3,
    isCancelled: true,
  },
  { id: 'a-11', t: 10_100, outcome: 'DEADLINE', runs: 1, delivery: 'unknown', timeoutMs: 300 },
  {
    id: 'a-12',
    t: 10_110,
    outcome: 'PARTIAL',
    runs: 1,
    kind: 'down',
    items: 9,
    passed: 2,
    delivery: 'processed',
  },
  { id: 'a-13', t: 10_120, outcome: 'OK', runs: 1 },
  { id: 'a-14', t: 10_130, outcome: 'OK', runs: 1 },
]

/** A new array of new lines each time. The fault is long over when the calls begin. */
export function sampleLedger(): Line[] {
  const writer = new Writer()
  writer.lines.push({ k: 'fault', t: 1_000, kind: 'cut', target: 'a>b', count: 2 })
  for (const call of CALLS) writer.call(call)
  for (const peer of ['a', 'b']) {
    writer.lines.push({ k: 'rest', t: 20_000, peer, pending: 0, queued: 0, bufferedBytes: 0, channels: 0 })
  }
  return writer.lines
}

/** One more run of a call, on a connection of its own. */
export function runOf(id: string, t: number): Run {
  return { k: 'run', t, id, attempt: 1, peer: 'b', connection: `of ${id}`, order: 0 }
}
