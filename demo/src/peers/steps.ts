// Owns: what the dialing peer does, step by step, and what has to come of it.
// Must not know: addresses, how results are shown.
import { setTimeout as delay } from 'node:timers/promises'
import { PeerplexError } from 'peerplex'
import { countText, rateText, secondsText } from '../texts.js'
import { sendFile } from './file-channel.js'
import { type PeersRun, WINDOW_BYTES } from './peers-run.js'
import { type BlockOrder, blockOf, type CallsBack, double, type Endings, type NumbersSum } from './service.js'

/** What one step has shown. */
export interface StepResult {
  readonly count: number
  readonly elapsedMs: number
  /** Empty where it would say nothing. */
  readonly rate: string
  readonly isOk: boolean
  /** What is claimed, with the numbers behind it. */
  readonly text: string
}

export interface Step {
  readonly title: string
  readonly run: (run: PeersRun, file: string) => Promise<StepResult>
}

export const STEPS: readonly Step[] = [
  { title: 'calls both ways', run: callBothWays },
  { title: 'calls at once', run: callAtOnce },
  { title: 'blocks, slow reader', run: readSlowly },
  { title: 'numbers streamed in', run: streamIn },
  { title: 'streams cancelled', run: cancelStreams },
  { title: 'call of a wrong name', run: callWrongName },
  { title: 'calls over a restart', run: callOverRestart },
  { title: 'file', run: putFile },
]

const BOTH_WAYS_COUNT = 1_000
const AT_ONCE_COUNT = 1_000
const BLOCK_BYTES = 16_384
const BLOCK_COUNT = 256
/** The reader stops here: several windows in, with far more than a window still to come. */
const PAUSE_AFTER_COUNT = 64
const PAUSE_MS = 1_000
const NUMBER_COUNT = 100_000
const READ_COUNT = 100
const ENDINGS_WAIT_MS = 5_000
const RESTART_COUNT = 100

/** Each peer calls the other, at the same time and on the same connection. */
async function callBothWays(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const [rightCount, back] = await Promise.all([
    doubles(run, BOTH_WAYS_COUNT, (value) => run.peer.call('math.double', value)),
    run.peer.call<CallsBack>('calls.back', BOTH_WAYS_COUNT),
  ])
  const elapsedMs = performance.now() - startedMs
  const count = 2 * BOTH_WAYS_COUNT
  const connectionCount = Math.max(back.connectionCount, run.peer.stats().connections.length)
  return {
    ...callFigures(count, elapsedMs),
    isOk: rightCount + back.rightCount === count && connectionCount === 1,
    text:
      `calls in both directions on ${countText(connectionCount)} connection: the dialing peer got ` +
      `${countText(rightCount)}, the listening peer ${countText(back.rightCount)} of ${countText(BOTH_WAYS_COUNT)} right answers`,
  }
}

/** Nobody is answered before all have asked: that they are under way at once is not a matter of speed. */
async function callAtOnce(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const rightCount = await doubles(run, AT_ONCE_COUNT, (value) =>
    run.peer.call('calls.hold', { value, totalCount: AT_ONCE_COUNT }),
  )
  return {
    ...callFigures(AT_ONCE_COUNT, performance.now() - startedMs),
    isOk: rightCount === AT_ONCE_COUNT,
    text: `${countText(AT_ONCE_COUNT)} calls under way at once: ${countText(rightCount)} right answers`,
  }
}

async function readSlowly(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const order: BlockOrder = { blockCount: BLOCK_COUNT, blockBytes: BLOCK_BYTES }
  let readCount = 0
  let rightCount = 0
  let aheadBytes = Number.POSITIVE_INFINITY
  for await (const block of run.peer.stream<Uint8Array>('flow.blocks', order)) {
    if (Buffer.compare(block, blockOf(readCount, BLOCK_BYTES)) === 0) rightCount++
    readCount++
    if (readCount !== PAUSE_AFTER_COUNT) continue
    await delay(PAUSE_MS)
    const producedCount = await run.peer.call<number>('flow.produced')
    aheadBytes = (producedCount - readCount) * BLOCK_BYTES
  }
  const elapsedMs = performance.now() - startedMs
  const allowedBytes = WINDOW_BYTES + BLOCK_BYTES
  return {
    count: readCount,
    elapsedMs,
    // The pause is the reader's.
    rate: rateText(readCount * BLOCK_BYTES, elapsedMs - PAUSE_MS),
    isOk: rightCount === BLOCK_COUNT && readCount === BLOCK_COUNT && aheadBytes <= allowedBytes,
    text:
      `the reader of a stream paused for ${secondsText(PAUSE_MS)}: the producer got ${countText(aheadBytes)} bytes ahead, ` +
      `window and one message are ${countText(allowedBytes)}; ${countText(rightCount)} of ${countText(BLOCK_COUNT)} blocks right`,
  }
}

async function streamIn(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const { sum, count } = await run.peer.call<NumbersSum>('math.sum', numbers())
  const expected = (NUMBER_COUNT * (NUMBER_COUNT - 1)) / 2
  const elapsedMs = performance.now() - startedMs
  return {
    count,
    elapsedMs,
    rate: perSecondText(count, elapsedMs, 'messages'),
    isOk: sum === expected && count === NUMBER_COUNT,
    text: `${countText(count)} numbers streamed into a call: their sum is ${countText(sum)}, expected ${countText(expected)}`,
  }
}

async function* numbers(): AsyncGenerator<number> {
  for (let number = 0; number < NUMBER_COUNT; number++) yield number
}

/** Two ways to want no more: leaving the loop, and a signal. The later call tells whether the handlers know. */
async function cancelStreams(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const reason = new Error('enough')
  const controller = new AbortController()
  const readCounts = [0, 0]
  let caught: unknown
  for await (const _count of run.peer.stream('endless.count')) {
    readCounts[0] = (readCounts[0] ?? 0) + 1
    if (readCounts[0] === READ_COUNT) break
  }
  try {
    for await (const _count of run.peer.stream('endless.count', undefined, { signal: controller.signal })) {
      readCounts[1] = (readCounts[1] ?? 0) + 1
      if (readCounts[1] === READ_COUNT) controller.abort(reason)
    }
  } catch (error) {
    caught = error
  }
  const { abortedCount, cleanedCount } = await endings(run, 2)
  return {
    count: 2,
    elapsedMs: performance.now() - startedMs,
    rate: '',
    isOk: caught === reason && abortedCount === 2 && cleanedCount === 2,
    text:
      'an endless stream left in the middle and another one aborted by a signal: ' +
      `${abortedCount} of 2 handlers saw it, ${cleanedCount} of 2 generators cleaned up`,
  }
}

/** What the handlers have seen, once that is `count` of them or a while is over. */
async function endings(run: PeersRun, count: number): Promise<Endings> {
  const untilMs = performance.now() + ENDINGS_WAIT_MS
  for (;;) {
    const seen = await run.peer.call<Endings>('endless.endings')
    const isOver = seen.abortedCount >= count && seen.cleanedCount >= count
    if (isOver || performance.now() > untilMs) return seen
    await delay(10)
  }
}

async function callWrongName(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const caught = await run.peer.call('math.ad', [2, 3]).then(
    (value) => new Error(`was answered with ${String(value)}`),
    (error: unknown) => error,
  )
  const figures = { count: 1, elapsedMs: performance.now() - startedMs, rate: '' }
  if (!(caught instanceof PeerplexError))
    return { ...figures, isOk: false, text: `'math.ad': ${String(caught)}` }
  const { code, message, hint } = caught
  const isOk = code === 'UNIMPLEMENTED' && hint === "did you mean 'math.add'?"
  // The message contains the hint.
  return { ...figures, isOk, text: `a call of a wrong name failed with ${code}: ${message}` }
}

/** The calls are made while nobody listens; nothing but the other process coming back makes them succeed. */
async function callOverRestart(run: PeersRun): Promise<StepResult> {
  const startedMs = performance.now()
  const before = await run.peer.call<number>('process.id')
  await run.killListener()
  const answers = doubles(run, RESTART_COUNT, (value) => run.peer.call('math.double', value))
  const { queuedCalls } = run.peer.stats().queue
  const [rightCount] = await Promise.all([answers, run.startListener()])
  const elapsedMs = performance.now() - startedMs
  const after = await run.peer.call<number>('process.id')
  return {
    count: RESTART_COUNT,
    elapsedMs,
    // Most of the time is the start of the new process.
    rate: '',
    isOk: rightCount === RESTART_COUNT && queuedCalls === RESTART_COUNT && before !== after,
    text:
      `the listening peer killed and restarted: ${countText(queuedCalls)} calls waited meanwhile, ` +
      `${countText(rightCount)} right answers from the new process ${secondsText(elapsedMs)} after the end of the old one`,
  }
}

async function putFile(run: PeersRun, file: string): Promise<StepResult> {
  const startedMs = performance.now()
  const { sent, received, isConfirmed } = await sendFile(run.peer, file, (bytes) => {
    run.sentBytes += bytes
  })
  const elapsedMs = performance.now() - startedMs
  const isSame = sent.digest === received.digest && sent.byteCount === received.byteCount
  const isOk = isSame && isConfirmed && sent.messageCount === received.messageCount
  return {
    count: sent.messageCount,
    elapsedMs,
    rate: rateText(sent.byteCount, elapsedMs),
    isOk,
    text: isOk
      ? `file on a channel: ${countText(sent.byteCount)} bytes, SHA-256 ${sent.digest.slice(0, 16)}… computed and compared on both sides`
      : `file on a channel: ${JSON.stringify(sent)} became ${JSON.stringify(received)}, the receiver says ${isConfirmed}`,
  }
}

/** So many calls at once, each with a number of its own; how many got the double of theirs. */
async function doubles(
  run: PeersRun,
  count: number,
  call: (value: number) => Promise<unknown>,
): Promise<number> {
  const calls = Array.from({ length: count }, async (_, value) => {
    const answer = await call(value)
    run.callCount++
    return answer === double(value)
  })
  return (await Promise.all(calls)).filter((isRight) => isRight).length
}

function callFigures(count: number, elapsedMs: number): Pick<StepResult, 'count' | 'elapsedMs' | 'rate'> {
  return { count, elapsedMs, rate: perSecondText(count, elapsedMs, 'calls') }
}

function perSecondText(count: number, elapsedMs: number, what: string): string {
  return `${countText(Math.round(count / (elapsedMs / 1000)))} ${what}/s`
}
