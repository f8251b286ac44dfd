/**
 * Owns: what can be wrong with a ledger: each function spoils the sample in one way.
 * Must not know: how the checker finds it.
 */
import type { Invariant } from '../checker.mjs'
import type { Line } from '../ledger.mjs'
import { runOf } from './sample-ledger.js'

type Kind = Line['k']
type LineOf<K extends Kind> = Extract<Line, { k: K }>

/** The first line of a kind that belongs to a call, or to a peer. */
function find<K extends Kind>(lines: Line[], k: K, id: string): LineOf<K> {
  const found = lines.find(
    (line) => line.k === k && ('id' in line ? line.id : 'peer' in line && line.peer) === id,
  )
  if (found === undefined) throw new Error(`the sample has no ${k} of ${id}`)
  return found as LineOf<K>
}

function all<K extends Kind>(lines: Line[], k: K, id: string): LineOf<K>[] {
  return lines.filter((line) => line.k === k && 'id' in line && line.id === id) as LineOf<K>[]
}

function remove(lines: Line[], ...unwanted: (Line | undefined)[]): void {
  for (const line of unwanted) lines.splice(lines.indexOf(line as Line), 1)
}

/** Puts a copy of a line, with changes, behind it. */
function repeat<K extends Kind>(lines: Line[], k: K, id: string, change: Partial<LineOf<K>> = {}): void {
  const line = find(lines, k, id)
  lines.splice(lines.indexOf(line) + 1, 0, { ...line, ...change } as Line)
}

function settlesTwice(lines: Line[]): void {
  repeat(lines, 'settle', 'a-1')
}

function neverSettles(lines: Line[]): void {
  remove(lines, find(lines, 'settle', 'a-9'))
}

function settlesLate(lines: Line[]): void {
  find(lines, 'settle', 'a-11').t += 1_001
}

function neverStarted(lines: Line[]): void {
  remove(lines, find(lines, 'start', 'a-1'))
}

function startsTwice(lines: Line[]): void {
  repeat(lines, 'start', 'a-5')
}

function okAndNeverRan(lines: Line[]): void {
  remove(lines, find(lines, 'run', 'a-1'), find(lines, 'done', 'a-1'))
}

function okAndRanTwice(lines: Line[]): void {
  lines.push(runOf('a-1', 10_003))
}

function okAndNeverEndedWell(lines: Line[]): void {
  find(lines, 'done', 'a-13').ok = false
}

function answeredAndNeverRan(lines: Line[]): void {
  remove(lines, find(lines, 'run', 'a-9'), find(lines, 'done', 'a-9'))
}

function notSentAndRan(lines: Line[]): void {
  lines.push(runOf('a-6', 10_052))
}

function refusedAndRan(lines: Line[]): void {
  lines.push(runOf('a-7', 10_062))
}

function notSentInTimeAndRan(lines: Line[]): void {
  find(lines, 'settle', 'a-11').delivery = 'not-sent'
}

function unknownAndRanTwice(lines: Line[]): void {
  lines.push(runOf('a-8', 10_072))
}

function partialAndNeverRan(lines: Line[]): void {
  remove(lines, find(lines, 'run', 'a-12'), find(lines, 'done', 'a-12'))
}

function failedAndRanTwice(lines: Line[]): void {
  lines.push(runOf('a-9', 10_082))
}

function doneTwice(lines: Line[]): void {
  repeat(lines, 'done', 'a-1')
}

function answerOfAnother(lines: Line[]): void {
  find(lines, 'settle', 'a-13').result = find(lines, 'settle', 'a-14').result as string
}

function itemsSwapped(lines: Line[]): void {
  const [first, second] = all(lines, 'got', 'a-3') as [LineOf<'got'>, LineOf<'got'>]
  const copy = { ...first }
  Object.assign(first, second)
  Object.assign(second, copy)
}

function itemTwice(lines: Line[]): void {
  repeat(lines, 'got', 'a-3')
}

function itemWrong(lines: Line[]): void {
  find(lines, 'got', 'a-3').sum ^= 1
}

function lastItemMissing(lines: Line[]): void {
  remove(lines, all(lines, 'got', 'a-3').at(-1))
}

function itemAfterEnd(lines: Line[]): void {
  const last = all(lines, 'got', 'a-3').at(-1) as Line
  remove(lines, last)
  lines.push(last)
}

function inputWithGap(lines: Line[]): void {
  remove(lines, all(lines, 'took', 'a-4')[1])
}

function lastInputMissing(lines: Line[]): void {
  remove(lines, all(lines, 'took', 'a-4').at(-1))
}

function neverAborted(lines: Line[]): void {
  remove(lines, find(lines, 'abort', 'a-10'))
}

function abortedLate(lines: Line[]): void {
  find(lines, 'abort', 'a-10').t += 200
}

function itemAfterCancel(lines: Line[]): void {
  const cancel = find(lines, 'cancel', 'a-10')
  remove(lines, cancel)
  lines.splice(lines.indexOf(find(lines, 'got', 'a-10')), 0, cancel)
}

function orderSwapped(lines: Line[]): void {
  const [first, second] = [find(lines, 'run', 'a-13'), find(lines, 'run', 'a-14')]
  const { order } = first
  first.order = second.order
  first.t = second.t + 1
  second.order = order
}

function somethingHeld(lines: Line[]): void {
  find(lines, 'rest', 'b').channels = 1
}

function restMissing(lines: Line[]): void {
  remove(lines, find(lines, 'rest', 'a'))
}

/** What breaks, and by which invariants it has to be found: one, unless the one implies the other. */
export const CORRUPTIONS: readonly [(lines: Line[]) => void, ...Invariant[]][] = [
  [settlesTwice, 'I1'],
  [neverSettles, 'I1'],
  [settlesLate, 'I1'],
  [neverStarted, 'I1'],
  [startsTwice, 'I1'],
  [okAndNeverRan, 'I2'],
  [okAndRanTwice, 'I2', 'I5'],
  [okAndNeverEndedWell, 'I2'],
  [answeredAndNeverRan, 'I2'],
  [notSentAndRan, 'I3'],
  [refusedAndRan, 'I3'],
  [notSentInTimeAndRan, 'I3'],
  [unknownAndRanTwice, 'I4', 'I5'],
  [partialAndNeverRan, 'I4'],
  [failedAndRanTwice, 'I5'],
  [doneTwice, 'I5'],
  [answerOfAnother, 'I6'],
  [itemsSwapped, 'I7'],
  [itemTwice, 'I7'],
  [itemWrong, 'I7'],
  [lastItemMissing, 'I7'],
  [itemAfterEnd, 'I7'],
  [inputWithGap, 'I7'],
  [lastInputMissing, 'I7'],
  [neverAborted, 'I8'],
  [abortedLate, 'I8'],
  [itemAfterCancel, 'I8'],
  [orderSwapped, 'I9'],
  [somethingHeld, 'I10'],
  [restMissing, 'I10'],
]
