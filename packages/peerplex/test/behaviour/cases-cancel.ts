/**
 * Owns: cases about work that somebody gives up, or that runs out of time: what both sides hear, and that
 * the connection lives on.
 * Must not know: transports, realms.
 */
import type { Peer } from '../../src/browser.js'
import type { BehaviourCase } from './place.js'
import type { Memory } from './service.js'
import { check, collect, Endless, equal, fails, newMark, rejection, until } from './tools.js'

export function recall(caller: Peer, mark: string): Promise<Memory> {
  return caller.call<Memory>('memory', mark)
}

/** Waits until as many handlers as that have begun, so that giving up does not come before them. */
async function begun(caller: Peer, mark: string, count = 1): Promise<void> {
  await until(async () => (await recall(caller, mark)).runs >= count, 'the beginning of the handler')
}

/** What aborted the handlers, once all of them have ended. */
async function ended(caller: Peer, mark: string, count = 1): Promise<string[]> {
  await until(async () => (await recall(caller, mark)).ends >= count, 'the end of the handler')
  return (await recall(caller, mark)).reasons
}

export const CANCEL_CASES: readonly BehaviourCase[] = [
  {
    name: 'a call is cancelled by its signal',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const controller = new AbortController()
      const reason = new Error('changed my mind')
      const call = caller.call('hang', { mark }, { signal: controller.signal })
      await begun(caller, mark)
      controller.abort(reason)
      check((await rejection(call, 'the call')) === reason, 'it rejects with the reason of the signal')
      equal(await ended(caller, mark), ['CANCELLED'], 'what the handler hears')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a call whose signal is aborted already never leaves',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const reason = new Error('too late')
      const call = caller.call('hang', { mark }, { signal: AbortSignal.abort(reason) })
      check((await rejection(call, 'the call')) === reason, 'it rejects with the reason of the signal')
      equal((await recall(caller, mark)).runs, 0, 'handlers that ran')
    },
  },
  {
    name: 'leaving `for await` ends the handler',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      for await (const tick of caller.stream<number>('clock', { mark })) if (tick === 3) break
      equal(await ended(caller, mark), ['CANCELLED'], 'what the handler hears')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a stream is cancelled by its signal',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const controller = new AbortController()
      const reason = new Error('enough')
      const stream = caller.stream<number>('clock', { mark }, { signal: controller.signal })
      equal((await stream.next()).value, 0, 'the first item')
      controller.abort(reason)
      check((await rejection(collect(stream), 'the stream')) === reason, 'the reason of the signal')
      equal((await stream.next()).done, true, 'over after its error')
      equal(await ended(caller, mark), ['CANCELLED'], 'what the handler hears')
    },
  },
  {
    name: 'a streamed input is cancelled by its signal',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const controller = new AbortController()
      const reason = new Error('enough')
      const input = new Endless()
      const options = { signal: controller.signal, headers: { 'x-mark': mark } }
      const call = caller.call('swallow', input, options)
      await begun(caller, mark)
      controller.abort(reason)
      check((await rejection(call, 'the call')) === reason, 'the reason of the signal')
      equal(await ended(caller, mark), ['CANCELLED'], 'what the handler hears')
      await until(() => input.isCleanedUp, 'the end of the input')
    },
  },
  {
    name: 'streams in both directions are cancelled by their signal',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const controller = new AbortController()
      const reason = new Error('enough of both')
      const input = new Endless()
      const options = { signal: controller.signal, headers: { 'x-mark': mark } }
      const stream = caller.stream<number>('mirror', input, options)
      equal((await stream.next()).value, 0, 'the first item')
      controller.abort(reason)
      check((await rejection(collect(stream), 'the stream')) === reason, 'the reason of the signal')
      equal(await ended(caller, mark), ['CANCELLED'], 'what the handler hears')
      await until(() => input.isCleanedUp, 'the end of the input')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a streamed input that throws fails the call with just that',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const own = new Error('mine')
      async function* failing(): AsyncGenerator<number> {
        yield 1
        throw own
      }
      const call = caller.call('swallow', failing(), { headers: { 'x-mark': mark } })
      check((await rejection(call, 'the call')) === own, 'what it threw')
      await until(async () => {
        const { runs, ends } = await recall(caller, mark)
        return runs === ends
      }, 'the end of the handler')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a handler gives up a call to its caller',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const reasons: unknown[] = []
      const undo = caller.handle('patience', (_input, { signal }) => {
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason.code)
            reject(signal.reason)
          })
        })
      })
      equal(await caller.call('back.abort', { name: 'patience' }), 'changed my mind', 'how it failed there')
      await until(() => reasons.length > 0, 'the end of the handler here')
      equal(reasons, ['CANCELLED'], 'what the handler here hears')
      undo()
    },
  },
  {
    name: 'an early answer ends the input',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const input = new Endless()
      equal(await caller.call('first', input), 0, 'the answer')
      await until(() => input.isCleanedUp, 'the end of the input')
    },
  },
  {
    name: 'a deadline ends a call on both sides',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      // `processed` when the other side's failure is here before our own time is over.
      const expected = {
        code: 'DEADLINE_EXCEEDED',
        delivery: /^(unknown|processed)$/,
        retryable: false,
      }
      // On a busy machine the time may be over before a handler begins: then once more, with more time.
      for (let timeoutMs = 50; (await recall(caller, mark)).runs < 2; timeoutMs *= 4) {
        await Promise.all([
          fails(caller.call('hang', { mark }, { timeoutMs }), expected, 'a call'),
          fails(caller.stream('hang', { mark }, { timeoutMs }).next(), expected, 'a stream'),
        ])
      }
      const reasons = await ended(caller, mark, 2)
      check(
        reasons.every((reason) => reason === 'DEADLINE_EXCEEDED'),
        `the handlers heard ${reasons}`,
      )
      const { code } = await caller.open('channel.hold', { timeoutMs: 50, headers: { 'x-mark': mark } })
        .closed
      equal(code, 'DEADLINE_EXCEEDED', 'a channel')
      const leftMs = await caller.call<number>('time', null, { timeoutMs: 60_000 })
      check(leftMs > 0 && leftMs <= 60_000, `${leftMs} ms are left of 60,000`)
      equal(await caller.call('add', [1, 2], { timeoutMs: 60_000 }), 3, 'the next call')
    },
  },
]
