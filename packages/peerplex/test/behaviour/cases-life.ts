/**
 * Owns: cases about peers that drain, close, go away and come back: what becomes of calls that run, wait,
 * or are made meanwhile.
 * Must not know: transports, realms.
 */
import type { Peer } from '../../src/browser.js'
import { recall } from './cases-cancel.js'
import type { BehaviourCase } from './place.js'
import type { Memory } from './service.js'
import {
  check,
  collect,
  Endless,
  equal,
  fails,
  fields,
  Gate,
  later,
  newMark,
  sleep,
  until,
  within,
} from './tools.js'

const QUICK = { reconnect: { initialMs: 5, maxMs: 50 } }

/** Lines that are said when the case says so. */
class Script implements AsyncIterable<string> {
  readonly #lines: Gate<string | null>[] = [new Gate()]

  say(line: string | null): void {
    const next = this.#lines[this.#lines.length - 1] as Gate<string | null>
    this.#lines.push(new Gate())
    next.open(line)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (let i = 0; ; i++) {
      const line = await (this.#lines[i] as Gate<string | null>).opened
      if (line === null) return
      yield line
    }
  }
}

/** Resolves when the caller hears of it. */
function event(caller: Peer, name: 'drain'): Promise<void> {
  return new Promise((resolve) => {
    caller.on(name, () => resolve())
  })
}

export const LIFE_CASES: readonly BehaviourCase[] = [
  {
    name: 'drain: running calls end, new ones wait or fail as not-sent',
    run: async (stage) => {
      const { caller, other } = await stage.meet()
      const mark = newMark()
      const script = new Script()
      const chat = caller.stream<string>('chat', script)
      script.say('before')
      equal((await chat.next()).value, 'BEFORE', 'a line before')
      const slow = later(caller.call('slow', { mark, ms: 50 }))
      await until(async () => (await recall(caller, mark)).runs === 1, 'the beginning of the slow call')
      const draining = event(caller, 'drain')
      const drained = later(other.drain(60_000))
      await within(draining, "the event 'drain'")
      const unavailable = { code: 'UNAVAILABLE', delivery: 'not-sent', hint: /./ }
      await fails(
        caller.call('add', [1, 2], { waitForReady: false }),
        unavailable,
        'a call that does not wait',
      )
      const waiting = fails(
        caller.call('add', [1, 2], { timeoutMs: 100 }),
        { code: 'DEADLINE_EXCEEDED', delivery: 'not-sent' },
        'a call that waits',
      )
      script.say('meanwhile')
      equal((await chat.next()).value, 'MEANWHILE', 'a line meanwhile')
      equal(await slow, 'done', 'the slow call')
      await waiting
      script.say(null)
      equal(await collect(chat), [], 'the rest of the stream')
      equal((await chat.trailers).get('x-count'), '2', 'its trailers')
      await within(drained, 'the end of drain')
      await until(() => caller.peers().length === 0, 'the end of the connection')
    },
  },
  {
    name: 'drain: new calls go to another peer, none is lost',
    needs: ['another'],
    run: async (stage) => {
      const { caller, other, another } = await stage.meet()
      const second = await another({ id: 'second' })
      const mark = newMark()
      const slow = Array.from({ length: 20 }, () =>
        later(caller.call('slow', { mark, ms: 50 }, { to: 'callee' })),
      )
      const answers: Promise<unknown>[] = []
      const ask = (count: number): void => {
        for (let i = 0; i < count; i++) answers.push(later(caller.call('work', { mark })))
      }
      ask(200)
      const draining = event(caller, 'drain')
      const drained = later(other.drain(60_000))
      for (let i = 0; i < 10; i++) {
        ask(20)
        await sleep(1)
      }
      await within(draining, "the event 'drain'")
      const after = answers.length
      ask(100)
      const ids = await within(Promise.all(answers), 'all answers')
      equal(
        ids.slice(after),
        Array.from({ length: 100 }, () => 'second'),
        'who answers after the event',
      )
      const done = await within(Promise.all(slow), 'the slow calls')
      check(
        done.every((answer) => answer === 'done'),
        'the slow calls, which ran at the peer that drained',
      )
      await within(drained, 'the end of drain')
      const { runs } = await caller.call<Memory>('memory', mark, { to: 'second' })
      equal(runs, ids.filter((id) => id === 'second').length, 'handlers that ran at the second')
      equal((await second.stats()).connections.length, 1, 'connections of the second')
    },
  },
  {
    name: 'drain of the caller: what runs ends, what waits fails as not-sent',
    run: async (stage) => {
      const { caller, other } = await stage.meet()
      const script = new Script()
      const chat = caller.stream<string>('chat', script)
      script.say('before')
      await chat.next()
      const waiting = fails(
        caller.call('add', [1, 2], { to: 'nobody' }),
        { code: 'UNAVAILABLE', delivery: 'not-sent', message: /drains/ },
        'a call that waited',
      )
      const drained = later(caller.drain({ graceMs: 60_000 }))
      await waiting
      await fails(caller.call('add', [1, 2]), { code: 'UNAVAILABLE', delivery: 'not-sent' }, 'a new call')
      script.say('meanwhile')
      equal((await chat.next()).value, 'MEANWHILE', 'a line meanwhile')
      script.say(null)
      equal(await collect(chat), [], 'the rest of the stream')
      await within(drained, 'the end of drain')
      equal(caller.stats().connections, [], 'connections of the caller')
      await until(async () => (await other.stats()).connections.length === 0, 'the end over there')
    },
  },
  {
    name: 'the other side restarts: calls queue meanwhile',
    needs: ['restart'],
    run: async (stage) => {
      const { caller, other } = await stage.meet({ caller: QUICK, callee: QUICK })
      const mark = newMark()
      const events: string[] = []
      for (const name of ['connect', 'disconnect'] as const) {
        caller.on(name, ({ remote }) => events.push(`${name} ${remote.id}`))
      }
      const instance = caller.peers()[0]?.instance
      let queued: Promise<unknown>[] = []
      let queuedCount = -1
      const undo = caller.on('disconnect', () => {
        undo()
        queued = Array.from({ length: 50 }, (_, i) => later(caller.call('add', [i, 1])))
        queuedCount = caller.stats().queue.queuedCalls
      })
      const clock = caller.stream<number>('clock', { mark })
      await clock.next()
      const input = new Endless()
      const failing = [
        fails(
          caller.call('hang', { mark, before: 1 }),
          { code: 'UNAVAILABLE', delivery: 'unknown', hint: /./, remote: 'callee' },
          'a call that may not be repeated',
        ),
        fails(
          caller.call('swallow', input, { headers: { 'x-mark': mark } }),
          { code: 'UNAVAILABLE', delivery: 'unknown', hint: /./ },
          'a streamed input',
        ),
      ]
      const options = { idempotent: true, headers: { 'x-mark': mark } }
      const repeated = later(caller.call('hang', { mark, before: 1 }, options))
      // What was sent of it is held until the first answer, and sent again.
      const script = new Script()
      script.say('before')
      const inputAgain = later(caller.call('swallow', script, options))
      await until(async () => (await recall(caller, mark)).runs === 5, 'the beginning of all')
      await within(other.restart(), 'the restart')
      script.say('after')
      script.say(null)
      await Promise.all(failing)
      const read = async (): Promise<void> => {
        for await (const _ of clock);
      }
      await fails(read(), { code: 'UNAVAILABLE', delivery: 'processed' }, 'a stream that was read')
      await until(() => input.isCleanedUp, 'the end of the input')
      // Beside those that are repeated, which may be there before or after.
      check(queuedCount >= 50 && queuedCount <= 52, `${queuedCount} calls in the queue`)
      const sums = await within(Promise.all(queued), 'the calls that waited')
      check(
        sums.every((sum, i) => sum === i + 1),
        'their answers',
      )
      equal(await within(repeated, 'the call that may be repeated'), 1, 'answered by the next run')
      equal(await within(inputAgain, 'the input that may be repeated'), 2, 'its items, from the first')
      equal(await caller.call('generation'), 1, 'the run that answers now')
      equal(events, ['disconnect callee', 'connect callee'], 'events')
      check(caller.peers()[0]?.instance !== instance, 'it is another run')
      equal((await recall(caller, mark)).runs, 1, 'handlers that ran again: the one that may be repeated')
    },
  },
  {
    name: 'it restarts again and again: each call is answered or fails honestly',
    needs: ['restart'],
    run: async (stage) => {
      const { caller, other } = await stage.meet({ caller: QUICK, callee: QUICK })
      let isOver = false
      const problems: string[] = []
      let answered = 0
      const ask = async (): Promise<void> => {
        while (!isOver) {
          try {
            equal(await within(caller.call('add', [20, 22]), 'an answer'), 42, 'the sum')
            answered++
          } catch (error) {
            const { code, delivery } = error as { code?: string; delivery?: string }
            if (code !== 'UNAVAILABLE' || delivery !== 'unknown')
              problems.push(`${code} ${delivery}: ${error}`)
          }
        }
      }
      const asking = Array.from({ length: 10 }, ask)
      for (let i = 1; i <= 5; i++) {
        await within(other.restart(), 'the restart')
        equal(await within(caller.call('generation'), 'the generation'), i, 'the run that answers')
      }
      isOver = true
      await Promise.all(asking)
      equal(problems, [], 'failures other than UNAVAILABLE, unknown')
      check(answered > 0, 'none was answered')
    },
  },
  {
    name: 'close() of the caller settles everything',
    run: async (stage) => {
      const { caller, other } = await stage.meet()
      const mark = newMark()
      const input = new Endless()
      const clock = caller.stream('clock', { mark })
      await clock.next()
      const lost = { code: 'UNAVAILABLE', hint: /./ }
      const outcomes = [
        fails(caller.call('hang', { mark }), { ...lost, delivery: 'unknown' }, 'a running call'),
        fails(
          caller.call('swallow', input, { headers: { 'x-mark': mark } }),
          { ...lost, delivery: 'unknown' },
          'a streamed input',
        ),
        fails(
          caller.call('add', [1, 2], { to: 'nobody' }),
          { ...lost, delivery: 'not-sent' },
          'a waiting call',
        ),
      ]
      const channel = caller.open('channel.hold', { headers: { 'x-mark': mark } })
      await until(async () => (await recall(caller, mark)).runs === 4, 'the beginning of all')
      await within(caller.close(), 'close()')
      await Promise.all(outcomes)
      fields(await within(channel.closed, 'the channel'), lost, 'a channel')
      await fails(clock.next(), { ...lost, delivery: 'processed' }, 'a stream that was read')
      await until(() => input.isCleanedUp, 'the end of the input')
      const { connections, links, listeners, queue } = caller.stats()
      equal([connections, links, listeners, queue.queuedCalls], [[], [], [], 0], 'what is left')
      await fails(caller.call('add', [1, 2]), { ...lost, delivery: 'not-sent' }, 'a call afterwards')
      await until(async () => (await other.stats()).connections.length === 0, 'the end over there')
    },
  },
  {
    name: 'close() of the other side settles everything',
    run: async (stage) => {
      const { caller, other } = await stage.meet({ caller: { reconnect: { initialMs: 600_000 } } })
      const mark = newMark()
      const input = new Endless()
      const clock = caller.stream('clock', { mark })
      await clock.next()
      const lost = { code: 'UNAVAILABLE', hint: /./, delivery: 'unknown' }
      const outcomes = [
        fails(caller.call('hang', { mark }), lost, 'a running call'),
        fails(caller.call('swallow', input, { headers: { 'x-mark': mark } }), lost, 'a streamed input'),
      ]
      const channel = caller.open('channel.hold', { headers: { 'x-mark': mark } })
      await until(async () => (await recall(caller, mark)).runs === 4, 'the beginning of all')
      await within(other.close(), 'close()')
      await Promise.all(outcomes)
      fields(await within(channel.closed, 'the channel'), { code: 'UNAVAILABLE' }, 'a channel')
      const read = async (): Promise<void> => {
        for await (const _ of clock);
      }
      await fails(read(), { ...lost, delivery: 'processed' }, 'a stream that was read')
      await until(() => input.isCleanedUp, 'the end of the input')
      await until(() => caller.peers().length === 0, 'the loss of the connection')
      await fails(
        caller.call('add', [1, 2], { waitForReady: false }),
        { code: 'UNAVAILABLE', delivery: 'not-sent' },
        'a call that does not wait',
      )
    },
  },
]
