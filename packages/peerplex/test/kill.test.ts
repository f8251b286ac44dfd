// A process that serves calls is killed with a thousand of them in flight: what its callers are told, compared with what it
// wrote down before it died.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPeer, type Peer, PeerplexError } from '../src/index.js'
import { Programs } from './programs.js'
import { freePort, HANG_MS, sleep, until, within } from './support.js'

vi.setConfig({ testTimeout: 3 * HANG_MS, hookTimeout: HANG_MS })

const programs = new Programs()
let program = ''
let fileCount = 0

beforeAll(async () => {
  program = await programs.make('kill-program')
})
afterEach(() => programs.end())
afterAll(() => programs.dispose())

type Kind = 'work' | 'work, no wait' | 'items' | 'swallow'

/** One call: what it was, and everything that its caller was told. */
interface Entry {
  readonly id: number
  readonly kind: Kind
  settledCount: number
  /** Ids that came back. */
  readonly output: unknown[]
  error: PeerplexError | null
}

/** Makes calls, and keeps the books. */
class Caller {
  readonly entries: Entry[] = []
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  get unsettledCount(): number {
    return this.entries.filter(({ settledCount }) => settledCount === 0).length
  }

  start(kind: Kind): Promise<void> {
    const entry: Entry = { id: this.entries.length, kind, settledCount: 0, output: [], error: null }
    this.entries.push(entry)
    return this.#run(entry).then(
      () => {
        entry.settledCount++
      },
      (error) => {
        entry.settledCount++
        if (!(error instanceof PeerplexError)) throw error
        entry.error = error
      },
    )
  }

  async #run({ id, kind, output }: Entry): Promise<void> {
    if (kind === 'items') for await (const item of this.#peer.stream('items', id)) output.push(item)
    else if (kind === 'swallow') output.push(await this.#peer.call('swallow', endless(id)))
    else output.push(await this.#peer.call('work', id, { waitForReady: kind === 'work' }))
  }
}

/** Gives its first item at once, and never ends by itself. */
async function* endless(id: number): AsyncGenerator<number> {
  yield id
  for (;;) {
    await sleep(20)
    yield id
  }
}

/** The books of both sides together. Throws what is wrong; returns how many calls ended in which way. */
function compare(entries: readonly Entry[], file: string): Record<string, number> {
  const executions = new Map<number, number>()
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    executions.set(Number(line), (executions.get(Number(line)) ?? 0) + 1)
  }
  const counts: Record<string, number> = {}
  const problems: string[] = []
  for (const { id, kind, settledCount, output, error } of entries) {
    const runs = executions.get(id) ?? 0
    executions.delete(id)
    const outcome = error === null ? 'ok' : error.delivery
    counts[outcome] = (counts[outcome] ?? 0) + 1
    const isRight =
      outcome === 'ok'
        ? runs === 1
        : outcome === 'not-sent' || outcome === 'not-processed'
          ? runs === 0 && output.length === 0
          : outcome === 'processed'
            ? runs === 1 && output.length > 0
            : runs <= 1 && output.length === 0
    const isAnswerRight = output.every((value) => value === (kind.startsWith('work') ? id * 2 : id))
    const isErrorRight = error === null || (error.code === 'UNAVAILABLE' && error.hint !== '')
    if (!isRight || !isAnswerRight || !isErrorRight || settledCount !== 1) {
      problems.push(
        `${kind} ${id}: settled ${settledCount} times as ${outcome} ${error?.code} with ${output}, ran ${runs} times`,
      )
    }
  }
  for (const id of executions.keys()) problems.push(`${id} ran, and nobody called it`)
  expect(problems).toEqual([])
  return counts
}

describe.each(['dialing', 'listening'] as const)('from the %s side, over TCP', (side) => {
  // When it dies: the calls have just been made, some are there, all that fit are there.
  it.each([0, 200, 600])('kill -9 after %i executions, and a restart', async (executionCount) => {
    const file = join(programs.dir, `log-${fileCount++}`)
    const url = `tcp://127.0.0.1:${await freePort()}`
    const peer = createPeer({ id: 'caller', reconnect: { initialMs: 20, maxMs: 100 } })
    const start = (mode: string): ReturnType<Programs['start']> =>
      programs.start(program, [file, side === 'dialing' ? 'listen' : 'dial', url, mode])
    if (side === 'listening') await peer.bind(url)
    const first = start('hang')
    await first.line()
    if (side === 'dialing') peer.connect(url)
    await until(() => peer.peers().length === 1, 'the first connection')

    const caller = new Caller(peer)
    const outcomes: Promise<void>[] = []
    const kinds: Kind[] = ['work', 'items', 'work, no wait', 'swallow']
    for (let i = 0; i < 1_000; i++) {
      // Every other call, so that all kinds are among the first, which find room.
      outcomes.push(caller.start(i % 2 === 0 ? 'work' : (kinds[(i >> 1) % 4] as Kind)))
    }
    const executed = (): number => readFileSync(file, 'utf8').split('\n').length - 1
    await until(() => executed() >= executionCount, `${executionCount} executions`)
    const killedAtMs = performance.now()
    first.process.kill('SIGKILL')
    await until(() => peer.peers().length === 0, 'the loss of the connection')
    // Whatever had left is settled now; what had not waits for the next connection.
    await sleep(0)
    const settledMs = performance.now() - killedAtMs
    const waitingCount = peer.stats().queue.queuedCalls
    expect(caller.unsettledCount).toBe(waitingCount)
    compareSettled(caller, file)

    const second = start('answer')
    await second.line()
    // Streaming inputs of those that waited are endless: they are ended by the second kill.
    await until(() => peer.stats().queue.queuedCalls === 0, 'an empty queue')
    const next = Array.from({ length: 50 }, () => caller.start('work'))
    await within(Promise.all(next), 'the calls after the restart')
    expect(caller.entries.slice(-50).every(({ error }) => error === null)).toBe(true)
    await until(
      () =>
        caller.entries.every(
          ({ kind, settledCount, output }) => settledCount > 0 || kind === 'swallow' || output.length > 0,
        ),
      'the calls that waited',
    )
    second.process.kill('SIGKILL')
    await within(Promise.all(outcomes), 'an outcome for every call')
    const counts = compare(caller.entries, file)
    console.log(
      `${side}, killed after ${executionCount}: noticed after ${settledMs.toFixed(0)} ms, ${waitingCount} waited; ${JSON.stringify(counts)}`,
    )
    expect(counts.ok).toBeGreaterThanOrEqual(50)
    const { connections, queue } = peer.stats()
    expect([connections, queue.queuedCalls, queue.queuedBytes]).toEqual([[], 0, 0])
    await within(peer.close(), 'close()')
  })
})

/** Those that are settled while others still wait. */
function compareSettled(caller: Caller, file: string): void {
  const waiting = new Set(caller.entries.filter(({ settledCount }) => settledCount === 0).map(({ id }) => id))
  const executed = readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number)
  expect(executed.filter((id) => waiting.has(id))).toEqual([])
}
