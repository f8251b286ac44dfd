/**
 * Owns: cases about channels below calls: each direction has its own end, stop, reset, headers, trailers.
 * Must not know: transports, realms.
 */

import { recall } from './cases-cancel.js'
import type { BehaviourCase } from './place.js'
import { check, collect, equal, fields, newMark, until, within } from './tools.js'

export const CHANNEL_CASES: readonly BehaviourCase[] = [
  {
    name: 'a channel carries messages both ways, in order',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open<number>('channel.echo')
      for (let i = 0; i < 500; i++) await channel.send(i)
      channel.end()
      const answers = await collect(channel)
      check(answers.length === 500 && answers.every((answer, i) => answer === i), 'the echo')
      const { code, trailers } = await channel.closed
      equal([code, trailers.get('x-count')], ['OK', '500'], 'how it closed')
      equal(
        [channel.remote?.id, channel.codec, channel.writable],
        ['callee', 'msgpack', false],
        'the channel',
      )
    },
  },
  {
    name: 'a channel of bytes with codec raw',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open<Uint8Array>('channel.echo', { codec: 'raw' })
      const messages = [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(70_000).fill(7)]
      for (const message of messages) await channel.send(message)
      channel.end()
      equal(await collect(channel), messages, 'the echo')
    },
  },
  {
    name: 'half-close: the input goes on after our end',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open('channel.listen')
      await channel.send('a')
      await channel.send('b')
      channel.end()
      check(!channel.writable, 'it is not writable any more')
      equal(await collect(channel), [2, 'a', 'b'], 'what came after our end')
      const { code, trailers } = await channel.closed
      equal([code, trailers.get('x-heard')], ['OK', '2'], 'how it closed')
    },
  },
  {
    name: 'half-close: the output goes on after their end',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const heard: unknown[] = []
      const channel = caller.open('channel.speak', {
        headers: { 'x-ask': 'hello', 'x-mark': mark },
        onHeaders: (headers) => heard.push(headers.get('x-first')),
        onTrailers: (trailers) => heard.push(trailers.get('x-said')),
      })
      equal(await collect(channel), ['first', 'second'], 'what they said')
      equal(heard, ['hello', '2'], 'headers of the first message, and trailers')
      check(channel.writable, 'it is writable still')
      await channel.send('late')
      await channel.send('later')
      channel.end()
      const { code, trailers } = await channel.closed
      equal([code, trailers.get('x-said')], ['OK', '2'], 'how it closed')
      await until(async () => (await recall(caller, mark)).ends === 1, 'the end of the handler')
      equal((await recall(caller, mark)).notes, ['late', 'later'], 'what they read after their end')
    },
  },
  {
    name: 'a channel with callbacks instead of a loop',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open<string>('channel.speak', { headers: { 'x-ask': 'hi' } })
      const log: unknown[] = []
      channel.onMessage = (message, headers) => log.push([message, headers.get('x-first') ?? ''])
      channel.onEnd = (trailers) => {
        log.push(trailers.get('x-said'))
        channel.end()
      }
      channel.onClose = ({ code }) => log.push(code)
      await channel.closed
      await until(() => log.length === 4, 'onClose')
      equal(log, [['first', 'hi'], ['second', ''], '2', 'OK'], 'the calls')
    },
  },
  {
    name: 'stop: they send no more, our output goes on',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const channel = caller.open<number>('channel.talk', { headers: { 'x-mark': mark } })
      // Leaving the loop is `stop()`.
      for await (const message of channel) if (message === 2) break
      await channel.send('still here')
      channel.end()
      equal((await channel.closed).code, 'OK', 'how it closed')
      await until(async () => (await recall(caller, mark)).ends === 1, 'the end of the handler')
      equal((await recall(caller, mark)).notes, ['still here'], 'what they read')

      const other = newMark()
      const unread = caller.open<number>('channel.talk', { headers: { 'x-mark': other } })
      unread.stop()
      await unread.send('here too')
      unread.end()
      equal((await within(unread.closed, 'the end')).code, 'OK', 'how a channel closed that was never read')
      equal(await collect(unread), [], 'what is read of it')
      await until(async () => (await recall(caller, other)).ends === 1, 'the end of the handler')
      equal((await recall(caller, other)).notes, ['here too'], 'what they read of it')
    },
  },
  {
    name: 'stop: they want no more of ours, their answer comes',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open('channel.enough')
      let count = 0
      while (channel.writable && count < 1_000_000) {
        count++
        await channel.send('x'.repeat(1_000))
      }
      check(count < 1_000_000, 'somebody said stop')
      equal(await collect(channel), ['enough'], 'their answer')
      channel.end()
      equal((await channel.closed).code, 'OK', 'how it closed')
    },
  },
  {
    name: 'reset by this side',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      const channel = caller.open('channel.hold', { headers: { 'x-mark': mark } })
      await until(async () => (await recall(caller, mark)).runs === 1, 'the beginning of the handler')
      channel.reset('ABORTED')
      fields(await channel.closed, { code: 'ABORTED', origin: 'local', delivery: 'unknown' }, 'how it closed')
      check(channel.signal.aborted, 'its signal is aborted')
      await until(async () => (await recall(caller, mark)).ends === 1, 'the end of the handler')
      equal((await recall(caller, mark)).reasons, ['ABORTED'], 'what the other side hears')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'reset by the other side; a send on a dead channel resolves',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const channel = caller.open('channel.reset')
      fields(await channel.closed, { code: 'ABORTED', origin: 'remote' }, 'how it closed')
      for (let i = 0; i < 100; i++) await channel.send('x'.repeat(10_000))
      equal([channel.writable, channel.bufferedBytes], [false, 0], 'the channel')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'the answering side opens a channel',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const undo = caller.accept<string>('caller.upper', async (channel) => {
        let count = 0
        for await (const line of channel) {
          await channel.send(`${channel.headers.get('x-ask')} ${line.toUpperCase()}`)
          count++
        }
        channel.end({ 'x-count': `${count}` })
      })
      const result = await caller.call('back.open', { name: 'caller.upper', lines: ['a', 'b'] })
      equal(result, { answers: ['back A', 'back B'], code: 'OK', count: '2' }, 'what it heard')
      undo()
    },
  },
]
