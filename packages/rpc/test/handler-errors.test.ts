// What a caller hears when a handler fails, in whatever way, and who else hears of it.

import { type CodecTable, standardCodecs } from '@peerplex/codec'
import { CallError, ClosedError, type Codec, Headers, LimitError, UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../src/index.js'
import { Gate, rejection, settle, useWorld } from './support.js'

const world = useWorld()

/** What `call` rejects with when the handler does `run`. */
async function failure(run: Handler): Promise<CallError> {
  const { a } = await world().pair({ x: run })
  const error = await rejection(a.call('x'))
  await settle()
  expect(world().openChannelCount).toBe(0)
  return error
}

function throwing(error: unknown): Handler {
  return () => {
    throw error
  }
}

describe('a CallError of a handler', () => {
  it('arrives with its code, message, hint and details', async () => {
    const error = await failure(
      throwing(new CallError('NOT_FOUND', 'no user 7', { details: { id: 7 }, hint: 'ask for another one' })),
    )
    expect(error).toBeInstanceOf(CallError)
    expect(error).toMatchObject({
      name: 'CallError',
      code: 'NOT_FOUND',
      message: 'no user 7',
      hint: 'ask for another one',
      details: { id: 7 },
      delivery: 'processed',
      origin: 'remote',
      remote: 'b',
      attempts: 1,
      retryable: false,
    })
    expect(world().reported).toEqual([])
  })

  it('arrives when it is what a promise rejects with', async () => {
    expect(await failure(() => Promise.reject(new CallError('ABORTED', 'try again')))).toMatchObject({
      code: 'ABORTED',
      message: 'try again',
    })
  })

  it('keeps a code that is the application’s own, a name or a number', async () => {
    const { a } = await world().pair({
      name: throwing(new CallError('NO_USER', 'no user 7', { details: 7 })),
      number: throwing(new CallError('CODE_70000', 'no user 8')),
      ok: throwing(new CallError('OK', 'an error cannot be this')),
    })
    expect(await rejection(a.call('name'))).toMatchObject({
      code: 'NO_USER',
      message: 'no user 7',
      details: 7,
    })
    expect(await rejection(a.call('number'))).toMatchObject({ code: 'CODE_70000', message: 'no user 8' })
    expect(await rejection(a.call('ok'))).toMatchObject({
      code: 'UNKNOWN',
      message: 'an error cannot be this',
    })
    expect(world().reported).toEqual([])
  })

  it('does not take the name of a code of the table for an application’s own', async () => {
    const { a, b } = await world().pair({})
    b.channels.handleChannels('x', (channel) => {
      channel.accept({
        onMessage: () => channel.fail(2, { message: 'm', headers: { 'error-type': 'UNAVAILABLE' } }),
      })
    })
    expect(await rejection(a.call('x'))).toMatchObject({ code: 'UNKNOWN', message: 'm' })
  })

  it('loses details that cannot be sent, but nothing else of it', async () => {
    const error = await failure(throwing(new CallError('NOT_FOUND', 'no user', { details: { f: () => {} } })))
    expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'no user', details: undefined })
    expect(world().reported).toMatchObject([{ peer: 'b', name: 'x', error: { code: 'INVALID_ARGUMENT' } }])
  })

  it('is cut to what fits a frame', async () => {
    const error = await failure(throwing(new CallError('NOT_FOUND', 'é'.repeat(70_000))))
    expect(error.code).toBe('NOT_FOUND')
    expect(error.message).toBe('é'.repeat(1_000))
  })

  it('says that trying again may help when it says when', async () => {
    const { a, b } = await world().pair({})
    b.channels.handleChannels('x', (channel) => {
      channel.accept({
        onMessage: () => channel.fail(8, { message: 'busy', headers: { 'retry-after-ms': 50 } }),
      })
    })
    expect(await rejection(a.call('x'))).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true })
  })

  it('of a one-way goes to onError: nobody else hears of it', async () => {
    const error = new CallError('NOT_FOUND', 'no user')
    const { a } = await world().pair({ x: throwing(error) })
    await a.notify('x')
    await settle()
    expect(world().reported).toEqual([{ peer: 'b', error, name: 'x', remote: 'a' }])
  })
})

describe('any other exception of a handler', () => {
  it('arrives as UNKNOWN with its message, and goes to onError once', async () => {
    const thrown = new TypeError('x is not a function')
    const error = await failure(throwing(thrown))
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'x is not a function', delivery: 'processed' })
    expect(error.details).toBeUndefined()
    expect(world().reported).toEqual([{ peer: 'b', error: thrown, name: 'x', remote: 'a' }])
  })

  it('arrives when a promise rejects with it', async () => {
    const error = await failure(async () => {
      await settle()
      throw new Error('later')
    })
    expect(error).toMatchObject({ code: 'UNKNOWN', message: 'later' })
    expect(world().reported).toHaveLength(1)
  })

  it.each<[string, unknown, string]>([
    ['a string', 'just text', 'just text'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a text', Object.create(null), 'an object without a text was thrown'],
  ])('arrives when it is %s', async (_what, thrown, message) => {
    expect(await failure(throwing(thrown))).toMatchObject({ code: 'UNKNOWN', message })
    expect(world().reported).toEqual([{ peer: 'b', error: thrown, name: 'x', remote: 'a' }])
  })

  it.each([
    ["ENOENT: no such file, open '/opt/me/secret.txt'", "ENOENT: no such file, open '…'"],
    ['C:\\Users\\me\\x.js is broken', '… is broken'],
    ['see file:///srv/app/x.js:3:4', 'see …'],
    ['first line\n    at run (/srv/app/x.js:3:4)\n    at main (/srv/app/y.js:1:1)', 'first line'],
    ['either/or, GET http://host/a/b, 1/2', 'either/or, GET http://host/a/b, 1/2'],
    ['two\nlines', 'two\nlines'],
  ])('is sent without stack and paths: %j', async (message, sent) => {
    const error = await failure(throwing(new Error(message)))
    expect(error.message).toBe(sent)
  })

  it('keeps its stack here', async () => {
    const error = await failure(throwing(new Error('kaput')))
    expect(error.stack).not.toContain('handler-errors.test.ts:15')
    expect(world().reported).toMatchObject([
      { error: { stack: expect.stringContaining('handler-errors.test') } },
    ])
  })

  it('of this library passes with its code: the failure of a call that the handler made', async () => {
    const own = new ClosedError('UNAVAILABLE', "'y' at peer c (unix:/var/run/c.sock): gone", { hint: 'wait' })
    expect(await failure(throwing(own))).toMatchObject({
      code: 'UNAVAILABLE',
      message: "'y' at peer c (unix:…): gone",
      hint: 'wait',
      delivery: 'processed',
    })
    expect(world().reported).toEqual([])
  })

  it('that is a wrong use of this library is UNKNOWN: the caller did nothing wrong', async () => {
    const own = new UsageError('INVALID_ARGUMENT', 'option timeoutMs is -1')
    expect(await failure(throwing(own))).toMatchObject({ code: 'UNKNOWN', message: 'option timeoutMs is -1' })
    expect(world().reported).toMatchObject([{ error: own }])
  })

  it('comes from a result that cannot be looked at', async () => {
    const result = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no look')
      },
    })
    expect(await failure(() => result)).toMatchObject({ code: 'UNKNOWN', message: 'no look' })
    expect(world().reported).toHaveLength(1)
  })

  it('comes from a thenable of somebody else, which may also answer', async () => {
    const { a } = await world().pair({
      bad: () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        then: () => {
          throw new Error('in then')
        },
      }),
      good: () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        then: (resolve: (value: number) => void) => {
          resolve(1)
          resolve(2)
        },
      }),
    })
    expect(await rejection(a.call('bad'))).toMatchObject({ code: 'UNKNOWN', message: 'in then' })
    expect(await a.call('good')).toBe(1)
  })

  it('goes to onError after the caller has given up, unless it is a consequence of that', async () => {
    const isAborted = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve())
      })
    const news = new Error('news')
    const { a } = await world().pair({
      reason: async (_input, { signal }) => {
        await isAborted(signal)
        signal.throwIfAborted()
      },
      abort: async (_input, { signal }) => {
        await isAborted(signal)
        throw new DOMException('aborted', 'AbortError')
      },
      news: async (_input, { signal }) => {
        await isAborted(signal)
        throw news
      },
    })
    for (const name of ['reason', 'abort', 'news']) {
      expect(await rejection(a.call(name, null, { signal: AbortSignal.abort() }))).toBeInstanceOf(
        DOMException,
      )
      const controller = new AbortController()
      const call = rejection(a.call(name, null, { signal: controller.signal }))
      await settle()
      controller.abort()
      await call
      await settle()
    }
    expect(world().reported).toEqual([{ peer: 'b', error: news, name: 'news', remote: 'a' }])
    expect(world().openChannelCount).toBe(0)
  })

  it('does no harm when onError throws too', async () => {
    const onError = (): void => {
      throw new Error('in onError')
    }
    const { a } = await world().pair({ x: throwing(new Error('kaput')) }, {}, { onError })
    expect(await rejection(a.call('x'))).toMatchObject({ message: 'kaput' })
    expect(await rejection(a.call('x'))).toMatchObject({ message: 'kaput' })
  })
})

describe('an answer that cannot be sent', () => {
  it('is UNKNOWN for the caller, who asked for nothing wrong, and goes to onError', async () => {
    const error = await failure(() => ({ deep: [1, { f: () => {} }] }))
    expect(error.code).toBe('UNKNOWN')
    expect(error.message).toMatch(/^the answer of 'x' cannot be sent: .*value\.deep\[1\]\.f/)
    expect(world().reported).toMatchObject([{ peer: 'b', name: 'x', error: { code: 'INVALID_ARGUMENT' } }])
  })

  it('because the codec itself throws', async () => {
    const broken: Codec = {
      id: 64,
      name: 'broken',
      encode: (value) => {
        if (value === 'good') return new Uint8Array(1)
        throw new RangeError('no')
      },
      decode: () => 'good',
    }
    const codecs = (): CodecTable => standardCodecs({ codecs: [broken] })
    const { a } = await world().pair({ x: () => 'bad' }, { codecs: codecs() }, { codecs: codecs() })
    expect(await rejection(a.call('x', 'good', { codec: 'broken' }))).toMatchObject({
      code: 'UNKNOWN',
      message: "the answer of 'x' cannot be sent: no",
    })
  })

  it('because it is larger than the caller takes', async () => {
    const { a } = await world().pair({ x: () => 'x'.repeat(80_000) }, { limits: { maxMessageBytes: 65_536 } })
    const error = await rejection(a.call('x'))
    expect(error.code).toBe('MESSAGE_TOO_LARGE')
    await settle()
    expect(world().openChannelCount).toBe(0)
  })
})

describe('an input that is not what its codec says', () => {
  it('is INVALID_ARGUMENT, and no handler runs', async () => {
    let runs = 0
    const { a } = await world().pair({ x: () => runs++ })
    const bytes = new TextEncoder().encode('{')
    const outcome = new Gate<string>()
    a.channels.submit(
      {
        name: 'x',
        codec: 'json',
        headers: Headers.EMPTY,
        timeoutMs: 0,
        isLast: true,
        isOneway: false,
        isIdempotent: false,
        windowBytes: undefined,
        windowMessages: undefined,
        to: undefined,
        routeKey: undefined,
        waitForReady: true,
        hasMessage: true,
      },
      {
        encodeFirst: () => bytes,
        onMessage: () => {},
        onFailed: () => {},
        onClose: ({ name, message }) => outcome.open(`${name} ${message}`),
      },
    )
    expect(await outcome.passed).toMatch(/^INVALID_ARGUMENT the input of 'x' does not decode as json: /)
    expect(runs).toBe(0)
    await settle()
    expect(world().openChannelCount).toBe(0)
  })
})

it('the limit of the details is that of a frame', async () => {
  const details = 'x'.repeat(200_000)
  const error = await failure(throwing(new CallError('NOT_FOUND', 'no user', { details })))
  expect(error).toMatchObject({ code: 'NOT_FOUND', message: 'no user', details: undefined })
  expect(world().reported[0]?.error).toBeInstanceOf(LimitError)
})
