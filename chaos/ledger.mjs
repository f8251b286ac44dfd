// Owns: the lines of the ledger: what callers, callees, the controller and the proxy write down, and nothing else may be believed.
// Must not know: peers, faults, how lines are judged (checker.mjs).
//
// One JSON object a line, one file a process, written synchronously with O_APPEND, so that lines survive SIGKILL. `t` is milliseconds of the
// machine's wall clock (of the virtual clock in a simulation). Ids of calls are unique in a run: `<caller>-<number>`.

/**
 * What a caller says before it calls.
 * `kind`: unary, one-way, a stream of items out of one request, or a stream of items in. `timeoutMs`: 0 for none.
 * `items`: how many a stream has when nothing goes wrong. `large`: what it sends first does not fit one frame, so that its handler begins when
 * all of it is there, and smaller calls may begin before.
 * @typedef {{ k: 'start', t: number, id: string, kind: 'unary' | 'oneway' | 'down' | 'up', idempotent: boolean, timeoutMs: number, items: number,
 *   large?: boolean }} Start
 */

/**
 * What became of it, once.
 * OK, ERR (the handler said so), NOT_SENT (delivery not-sent), REFUSED (not-processed), UNKNOWN (unknown), PARTIAL (processed),
 * CANCELLED (the caller gave up), DEADLINE (its time was up, with `delivery` as told). `result`: what a unary call answered, see `answerOf`.
 * @typedef {'OK' | 'ERR' | 'NOT_SENT' | 'REFUSED' | 'UNKNOWN' | 'PARTIAL' | 'CANCELLED' | 'DEADLINE'} Outcome
 * @typedef {{ k: 'settle', t: number, id: string, outcome: Outcome, code: string, delivery: string, attempts: number, result?: string }} Settle
 */

/**
 * An item that a caller was given (`down`) or a callee (`up`): number from 0, and its checksum as it was computed from what arrived.
 * `k` differs, so that a line says by itself who wrote it.
 * @typedef {{ k: 'got', t: number, id: string, n: number, sum: number }} Got
 * @typedef {{ k: 'took', t: number, id: string, attempt: number, n: number, sum: number }} Took
 */

/**
 * The caller gave up; then the handler noticed.
 * @typedef {{ k: 'cancel', t: number, id: string }} Cancel
 * @typedef {{ k: 'abort', t: number, id: string, attempt: number }} Abort
 */

/**
 * A handler began, and ended. `attempt`: repetitions before it, from the header `attempt`. `order`: how many runs this callee began on this
 * connection before.
 * @typedef {{ k: 'run', t: number, id: string, attempt: number, peer: string, connection: string, order: number }} Run
 * @typedef {{ k: 'done', t: number, id: string, attempt: number, peer: string, ok: boolean }} Done
 */

/**
 * The proxy or the controller did something, or a caller noticed. `count`: how many frames with calls it had let through whose answers it had
 * not. `target`: what it touches, with blanks in between: names of peers, `a>b` for all connections that `a` dialed to `b`, a connection by the
 * name that its runs have; nothing or `*` for everything. `forMs`: how long it lasts, where it does. Three kinds mean something to the checker: `kill` (the process is gone: what it had begun it never ends),
 * `freeze` (it stood still for so long) and `lost` (written by whoever sees that a connection ends or that one side says goodbye: calls that had
 * not left go to another one, behind younger ones).
 * @typedef {{ k: 'fault', t: number, kind: string, target: string, count: number, forMs?: number }} Fault
 */

/**
 * What a process holds when all is over and everything had time to end.
 * @typedef {{ k: 'rest', t: number, peer: string, pending: number, queued: number, bufferedBytes: number, channels: number }} Rest
 */

/** @typedef {Start | Settle | Got | Took | Cancel | Abort | Run | Done | Fault | Rest} Line */

/** What a unary call must answer: computed by the callee from the id that it got, and by the checker from the id that was called. @param {string} id */
export function answerOf(id) {
  return `${id}:${checksum(id).toString(16)}`
}

/** The text that item `n` of a call carries. @param {string} id @param {number} n */
export function itemOf(id, n) {
  return `${id}/${n}`
}

/** FNV-1a over the characters of a text: 32 bits. @param {string} text */
export function checksum(text) {
  let sum = 0x811c9dc5
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum >>> 0
}
