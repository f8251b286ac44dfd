/**
 * Owns: cases about failures of single calls: each is a typed error with a hint on the side that can act,
 * and nothing else is touched.
 * Must not know: transports, realms.
 */
import type { BehaviourCase, Meeting } from './place.js'
import { Bytes } from './service.js'
import { check, collect, equal, fails, fields, rejection, until } from './tools.js'

/** What the other side's `onError` is told; taken away. */
async function expectReported({ other }: Meeting, messages: readonly RegExp[]): Promise<void> {
  const all: string[] = []
  await until(async () => {
    all.push(...(await other.reported()))
    return all.length >= messages.length
  }, `${messages.length} reported errors`)
  check(
    all.length === messages.length && messages.every((message, i) => message.test(all[i] as string)),
    `the other side reported ${JSON.stringify(all)}`,
  )
}

export const ERROR_CASES: readonly BehaviourCase[] = [
  {
    name: 'an unknown name: UNIMPLEMENTED, did you mean',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const expected = {
        code: 'UNIMPLEMENTED',
        message: /no handler for 'channel\.ech' at peer callee \(.*did you mean 'channel\.echo'/s,
        delivery: 'not-processed',
        origin: 'remote',
        hint: /./,
      }
      await fails(caller.call('channel.ech'), expected, 'a call')
      await fails(caller.stream('channel.ech').next(), expected, 'a stream')
      fields(await caller.open('channel.ech').closed, { code: 'UNIMPLEMENTED', hint: /./ }, 'a channel')
      // Nobody waits for the fate of a one-way.
      await caller.notify('channel.ech')
    },
  },
  {
    name: 'a CallError arrives whole',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const expected = {
        name: 'CallError',
        code: 'NOT_FOUND',
        message: 'no such user',
        hint: 'ask for another one',
        details: { id: 7, tags: ['a', 'b'] },
        delivery: 'processed',
        origin: 'remote',
        remote: 'callee',
      }
      await fails(caller.call('fail', 'CallError'), expected, 'at once')
      await fails(caller.call('fail', 'later'), expected, 'later')
      await fails(caller.stream('fail', 'later').next(), expected, 'for a stream')
    },
  },
  {
    name: 'a CallError of the caller’s handler arrives at the other side',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const undo = caller.handle('picky', async () => {
        // Thrown on by the handler here as it came from there.
        await caller.call('fail', 'CallError')
      })
      equal(
        await caller.call('back.fails', { name: 'picky' }),
        {
          code: 'NOT_FOUND',
          message: 'no such user',
          delivery: 'processed',
          details: { id: 7, tags: ['a', 'b'] },
        },
        'what the other side heard',
      )
      undo()
      fields(
        await caller.call<object>('back.fails', { name: 'picky' }),
        {
          code: 'UNIMPLEMENTED',
          delivery: 'not-processed',
          message: /no handler for 'picky' at peer caller/,
        },
        'a name that is not handled here',
      )
    },
  },
  {
    name: 'any other exception: UNKNOWN with its message',
    run: async (stage) => {
      const meeting = await stage.shared()
      const { caller } = meeting
      const error = await rejection(caller.call('fail', 'Error'), 'the call')
      fields(error, { code: 'UNKNOWN', message: 'not today', delivery: 'processed', origin: 'remote' }, 'it')
      await fails(caller.call('fail', 'nothing'), { code: 'UNKNOWN', delivery: 'processed' }, 'undefined')
      await fails(caller.call('fail', 'unsendable'), { code: 'UNKNOWN', delivery: 'processed' }, 'a function')
      await expectReported(meeting, [/not today/, /undefined/, /./])
    },
  },
  {
    name: 'a stream fails behind its items',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const got: unknown[] = []
      const read = async (): Promise<void> => {
        for await (const item of caller.stream('fail.after', 3)) got.push(item)
      }
      await fails(read(), { code: 'DATA_LOSS', message: 'it broke off', details: { at: 3 } }, 'the stream')
      equal(got, [0, 1, 2], 'the items before')
    },
  },
  {
    name: '`call` of a streamed answer: FAILED_PRECONDITION',
    run: async (stage) => {
      const { caller } = await stage.shared()
      await fails(
        caller.call('ticks', { n: 3 }),
        { code: 'FAILED_PRECONDITION', hint: /stream\(\)/, delivery: 'processed', origin: 'local' },
        'the call',
      )
      equal(await caller.call('ticks', { n: 1 }), 0, 'one item is no stream')
    },
  },
  {
    name: 'an input that does not decode: INVALID_ARGUMENT',
    run: async (stage) => {
      const { caller } = await stage.shared()
      // Bytes below the codec: no msgpack.
      const channel = caller.open('sum', { codec: 'msgpack' })
      channel.join(new Bytes([Uint8Array.of(0xc1)])).catch(() => {})
      fields(
        await channel.closed,
        {
          code: 'INVALID_ARGUMENT',
          message: /the input of 'sum' does not decode as msgpack/,
          origin: 'remote',
        },
        'how it closed',
      )
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'an answer that does not decode: DATA_LOSS',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const expected = {
        code: 'DATA_LOSS',
        message: /the reply to 'broken' does not decode as msgpack/,
        delivery: 'processed',
        origin: 'local',
        hint: /./,
      }
      await fails(caller.call('broken'), expected, 'a call')
      await fails(collect(caller.stream('broken')), expected, 'a stream')
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a value or codec that cannot be sent fails here',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const expected = { name: 'UsageError', code: 'INVALID_ARGUMENT', delivery: 'not-sent', hint: /./ }
      await fails(caller.call('add', { f: () => {} }), expected, 'a function')
      await fails(caller.call('add', [1, 2], { codec: 'msgpak' }), expected, 'an unknown codec')
      equal(await caller.call('add', [1, 2], { codec: 'json' }), 3, 'another codec')
    },
  },
]
