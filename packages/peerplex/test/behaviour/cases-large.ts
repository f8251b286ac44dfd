/**
 * Owns: cases about messages near and beyond what a peer takes.
 * Must not know: transports, realms.
 */
import type { BehaviourCase } from './place.js'
import { check, checksum, equal, fails, later, pattern } from './tools.js'

const LARGE_BYTES = 16 * 1024 * 1024
const ROOMY = { limits: { maxMessageBytes: 2 * LARGE_BYTES } }

/** Answers of small calls that come while `large` is under way. */
async function answersMeanwhile(large: Promise<unknown>, ask: () => Promise<unknown>): Promise<number> {
  let isOver = false
  const end = later(
    large.finally(() => {
      isOver = true
    }),
  )
  let count = 0
  while (!isOver) {
    await ask()
    if (!isOver) count++
  }
  await end
  return count
}

/** Together more than the credit of a connection, however often it is renewed in between. */
const CROWD_COUNT = 80
const CROWD_BYTES = 64 * 1024

export const LARGE_CASES: readonly BehaviourCase[] = [
  {
    name: 'many calls of 64 KiB at once, each answer followed by the next call',
    run: async (stage) => {
      const { caller } = await stage.meet()
      const bytes = pattern(CROWD_BYTES, 3)
      const expected = { length: CROWD_BYTES, checksum: checksum(bytes) }
      const one = async (): Promise<void> => {
        for (let turn = 0; turn < 3; turn++) equal(await caller.call('digest', bytes), expected, 'an answer')
      }
      await Promise.all(Array.from({ length: CROWD_COUNT }, one))
    },
  },
  {
    name: '16 MiB there, while small calls are answered',
    run: async (stage) => {
      const { caller } = await stage.meet({ caller: ROOMY, callee: ROOMY })
      const bytes = pattern(LARGE_BYTES, 1)
      const expected = { length: LARGE_BYTES, checksum: checksum(bytes) }
      const digest = later(caller.call('digest', bytes))
      const count = await answersMeanwhile(digest, () => caller.call('add', [1, 2]))
      equal(await digest, expected, 'what arrived')
      check(count > 0, 'no call was answered before the large one')
    },
  },
  {
    name: '16 MiB back, while small calls are answered',
    run: async (stage) => {
      const { caller } = await stage.meet({ caller: ROOMY, callee: ROOMY })
      const blob = later(caller.call<Uint8Array>('blob', { count: LARGE_BYTES, seed: 2 }))
      const count = await answersMeanwhile(blob, () => caller.call('add', [1, 2]))
      const bytes = await blob
      equal([bytes.length, checksum(bytes)], [LARGE_BYTES, checksum(pattern(LARGE_BYTES, 2))], 'what arrived')
      check(count > 0, 'no call was answered before the large one')
    },
  },
  {
    name: 'a request beyond the limit: MESSAGE_TOO_LARGE, that call only',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const bytes = new Uint8Array(LARGE_BYTES)
      const running = caller.stream<number>('ticks', { n: 1_000 })
      await running.next()
      const expected = { code: 'MESSAGE_TOO_LARGE', delivery: 'not-sent', origin: 'local', hint: /./ }
      await fails(caller.call('digest', bytes), { ...expected, name: 'LimitError' }, 'a call')
      await fails(caller.notify('digest', bytes), { code: 'MESSAGE_TOO_LARGE', hint: /./ }, 'a one-way')
      async function* items(): AsyncGenerator<unknown> {
        yield 1
        yield bytes
      }
      await fails(caller.call('sum', items()), { code: 'MESSAGE_TOO_LARGE', hint: /./ }, 'an item')
      let count = 1
      for await (const _ of running) count++
      equal(count, 1_000, 'items of a stream that ran meanwhile')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'an answer beyond the limit: MESSAGE_TOO_LARGE, that call only',
    run: async (stage) => {
      const { caller, other } = await stage.shared()
      const running = caller.stream<number>('ticks', { n: 1_000 })
      await running.next()
      const expected = { code: 'MESSAGE_TOO_LARGE', delivery: 'processed', origin: 'remote', hint: /./ }
      await fails(caller.call('blob', { count: LARGE_BYTES, seed: 3 }), expected, 'a call')
      await fails(
        caller.stream('flood', { count: 2, bytes: LARGE_BYTES }).next(),
        { code: 'MESSAGE_TOO_LARGE', origin: 'remote', hint: /./ },
        'an item',
      )
      let count = 1
      for await (const _ of running) count++
      equal(count, 1_000, 'items of a stream that ran meanwhile')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
      // Its program made what cannot be sent, and is told.
      await other.reported()
    },
  },
]
