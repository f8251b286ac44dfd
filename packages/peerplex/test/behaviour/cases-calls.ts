/**
 * Owns: cases about calls that go well: every shape, in both directions, with headers.
 * Must not know: transports, realms.
 */
import type { BehaviourCase, Meeting } from './place.js'
import type { Memory } from './service.js'
import { check, collect, equal, Gate, later, newMark, until, upTo, within } from './tools.js'

const UNICODE = 'Grüße, 世界! 👩‍👩‍👧‍👦 \u0000 \ud7ff \u{10ffff}'

/** Made of everything that the default codec has, some 200 KB. */
function bigObject(): Record<string, unknown> {
  const rows = Array.from({ length: 2_000 }, (_, i) => ({
    id: i,
    name: `row ${i} ${UNICODE.slice(0, 8)}`,
    score: i / 7,
    isOdd: i % 2 === 1,
    at: new Date(1_700_000_000_000 + i),
    tags: ['a', null, -i - 1],
    nested: { deeper: { deepest: [i] } },
  }))
  return { rows, bytes: Uint8Array.of(0, 127, 128, 255), 'a key: ü': 2 ** 53 - 1, none: null }
}

/** `handlers` are on the side of the caller while `run` runs. */
async function withHandlers(
  { caller }: Meeting,
  handlers: Parameters<Meeting['caller']['handle']>[0],
  run: () => Promise<void>,
): Promise<void> {
  const undo = caller.handle(handlers as Record<string, () => unknown>)
  try {
    await run()
  } finally {
    undo()
  }
}

export const CALL_CASES: readonly BehaviourCase[] = [
  {
    name: 'a value for a value',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await caller.call('add', [2, 3]), 5, 'the sum')
      equal(await caller.call('echo', { a: [1, 'x', null, true] }), { a: [1, 'x', null, true] }, 'the echo')
      equal(await caller.call('echo', 0), 0, 'zero')
      equal(await caller.call('echo', false), false, 'false')
      equal(await caller.call('echo', ''), '', 'the empty text')
    },
  },
  {
    name: 'nothing for nothing',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await caller.call('nothing'), null, 'what a handler without a result answers')
      equal(await caller.call('echo'), null, 'what a call without an argument is')
      equal(await caller.call('echo', null), null, 'null')
    },
  },
  {
    name: 'bytes',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      equal(await caller.call('echo', bytes), bytes, 'msgpack')
      equal(await caller.call('echo', new Uint8Array(0)), new Uint8Array(0), 'no bytes')
      equal(await caller.call('echo', bytes, { codec: 'raw' }), bytes, 'raw')
      const many = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7)
      equal(await caller.call('echo', many), many, 'more than a frame, and than a window')
    },
  },
  {
    name: 'text of all kinds',
    run: async (stage) => {
      const { caller } = await stage.shared()
      for (const codec of ['msgpack', 'json', 'text']) {
        equal(await caller.call('echo', UNICODE, { codec }), UNICODE, codec)
      }
      const long = UNICODE.repeat(5_000)
      equal(await caller.call('echo', long), long, 'long text')
    },
  },
  {
    name: 'a big object',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await caller.call('echo', bigObject()), bigObject(), 'the echo')
    },
  },
  {
    name: '1,000 calls at once',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const sums = await Promise.all(Array.from({ length: 1_000 }, (_, i) => caller.call('add', [i, 1])))
      equal(
        sums,
        Array.from({ length: 1_000 }, (_, i) => i + 1),
        'the sums, each for its call',
      )
    },
  },
  {
    name: 'a stream for a value',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await collect(caller.stream('ticks', { n: 5 })), [0, 1, 2, 3, 4], 'the items')
      const many = await collect(caller.stream<number>('ticks', { n: 20_000 }))
      check(
        many.length === 20_000 && many.every((item, i) => item === i),
        'more items than a window, in order',
      )
      equal(await collect(caller.stream('add', [1, 1])), [2], 'one item for one answer')
    },
  },
  {
    name: 'a value for a stream',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await caller.call('sum', upTo(1_000)), 499_500, 'the sum')
      equal(await caller.call('sum', upTo(3_000)), 4_498_500, 'the sum of many')
    },
  },
  {
    name: 'streams in both directions at once',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const log: string[] = []
      let next = new Gate()
      async function* lines(): AsyncGenerator<string> {
        for (const line of ['a', 'b', 'c']) {
          log.push(line)
          yield line
          await next.opened
          next = new Gate()
        }
      }
      for await (const line of caller.stream<string>('chat', lines())) {
        log.push(line)
        next.open()
      }
      equal(log, ['a', 'A', 'b', 'B', 'c', 'C'], 'who said what when')
      const mirrored = await collect(caller.stream<number>('mirror', upTo(1_000)))
      check(
        mirrored.length === 1_000 && mirrored.every((item, i) => item === i),
        'all of a long one, in order',
      )
    },
  },
  {
    name: 'empty streams',
    run: async (stage) => {
      const { caller } = await stage.shared()
      equal(await collect(caller.stream('ticks', { n: 0 })), [], 'no answer')
      equal(await caller.call('ticks', { n: 0 }), undefined, 'a call that nothing answers')
      equal(await caller.call('sum', upTo(0)), 0, 'no input')
      equal(await collect(caller.stream('chat', upTo(0))), [], 'nothing either way')
    },
  },
  {
    name: 'a one-way',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const mark = newMark()
      await caller.notify('note', { mark, note: 'short' })
      const long = 'long'.repeat(50_000)
      await caller.notify('note', { mark, note: long })
      const notes = async (): Promise<unknown[]> => (await caller.call<Memory>('memory', mark)).notes
      await until(async () => (await notes()).length === 2, 'both notes')
      const [first, second] = (await notes()).sort((a, b) => String(b).length - String(a).length)
      equal([first === long, second], [true, 'short'], 'what arrived')
    },
  },
  {
    name: 'a handler calls the peer that called it',
    run: async (stage) => {
      const meeting = await stage.shared()
      const { caller } = meeting
      const notes: unknown[] = []
      const handlers = {
        name: (input: unknown) => `${caller.id}, ${input}`,
        names: (n: number) => upTo(n),
        total: async (numbers: AsyncIterable<number>) => (await collect(numbers)).length,
        heard: (input: unknown) => {
          notes.push(input)
        },
      }
      await withHandlers(meeting, handlers, async () => {
        const answers = await caller.call('back.call', { name: 'name', input: 1, count: 1 })
        equal(answers, ['caller, 1'], 'a value')
        const items = await collect(caller.stream('back.stream', { name: 'names', input: 4 }))
        equal(items, [0, 1, 2, 3], 'a stream that is handed on')
        equal(await caller.call('back.sum', { name: 'total', n: 300 }), 300, 'a stream to the asker')
        await caller.call('back.notify', { name: 'heard', input: 'psst' })
        await until(() => notes.length > 0, 'the note')
        equal(notes, ['psst'], 'a one-way')
      })
    },
  },
  {
    name: 'both sides call at once',
    run: async (stage) => {
      const meeting = await stage.shared()
      const { caller } = meeting
      await withHandlers(meeting, { twice: (n: number) => n * 2 }, async () => {
        const theirs = later(caller.call<number[]>('back.call', { name: 'twice', input: 21, count: 300 }))
        const ours = await Promise.all(Array.from({ length: 300 }, (_, i) => caller.call('add', [i, i])))
        check(
          ours.every((sum, i) => sum === 2 * i),
          'our answers',
        )
        const answers = await within(theirs, 'their answers')
        check(answers.length === 300 && answers.every((answer) => answer === 42), 'their answers')
        equal(caller.stats().connections.length, 1, 'connections')
      })
    },
  },
  {
    name: 'headers, reply headers, trailers',
    run: async (stage) => {
      const { caller } = await stage.shared()
      const heard: unknown[] = []
      const answer = await caller.call('headers', null, {
        headers: [
          ['x-ask', 'a ü 世'],
          ['x-many', '1'],
          ['x-many', '2'],
        ],
        onHeaders: (headers) => heard.push(headers.get('x-reply')),
        onTrailers: (trailers) => heard.push(trailers.get('x-trailer')),
      })
      equal(answer, ['1', '2'], 'a key that comes twice')
      equal(heard, ['a ü 世', 'the end'], 'headers and trailers of a call')
      const chat = caller.stream<string>('chat', upperLines(['x', 'y']))
      equal((await chat.headers).get('x-lines'), 'upper case', 'headers of a stream')
      equal(await collect(chat), ['X', 'Y'], 'the stream')
      equal((await chat.trailers).get('x-count'), '2', 'trailers of a stream')
    },
  },
]

async function* upperLines(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}
