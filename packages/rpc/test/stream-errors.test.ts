// What a reader gets of a stream that fails, and who else hears of it.
import { CallError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { collect, rejection, settle, useWorld } from './support.js'

const world = useWorld()

describe('a stream that fails', () => {
  it('gives the items before, then the error, then nothing more', async () => {
    const { a } = await world().pair({
      x: async function* () {
        yield* [1, 2, 3]
        throw new CallError('ABORTED', 'enough')
      },
    })
    const stream = a.stream('x')
    const items: unknown[] = []
    const error = await rejection(
      (async () => {
        for await (const item of stream) items.push(item)
      })(),
    )
    expect(items).toEqual([1, 2, 3])
    expect(error).toMatchObject({ code: 'ABORTED', message: 'enough', delivery: 'processed' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(await rejection(a.call('x'))).toMatchObject({ code: 'FAILED_PRECONDITION' })
  })

  it('gives all items before its error, also more than a window of them', async () => {
    const { a } = await world().pair(
      {
        x: async function* () {
          for (let i = 0; i < 50; i++) yield 'y'.repeat(2_000)
          throw new CallError('ABORTED', 'enough')
        },
      },
      { limits: { channelWindowBytes: 16_384, channelWindowMessages: 3 } },
    )
    const stream = a.stream('x')
    let count = 0
    const read = async (): Promise<void> => {
      for await (const _ of stream) {
        count++
        if (count % 10 === 0) await settle()
      }
    }
    expect(await rejection(read())).toMatchObject({ code: 'ABORTED' })
    expect(count).toBe(50)
  })

  it('because an item cannot be sent: the generator is closed', async () => {
    let isClosed = false
    const { a } = await world().pair({
      x: async function* () {
        try {
          yield 1
          yield () => {}
          yield 3
        } finally {
          isClosed = true
        }
      },
    })
    const items: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const item of a.stream('x')) items.push(item)
    }
    expect(await rejection(read())).toMatchObject({ code: 'UNKNOWN' })
    expect(items).toEqual([1])
    expect(isClosed).toBe(true)
    expect(world().reported).toHaveLength(1)
  })

  it('because its iterable does: no iterator, no next, no promise', async () => {
    const bad = (iterator: () => unknown): unknown => ({ [Symbol.asyncIterator]: iterator })
    const { a } = await world().pair({
      iterator: () =>
        bad(() => {
          throw new Error('no iterator')
        }),
      next: () =>
        bad(() => ({
          next: () => {
            throw new Error('no next')
          },
        })),
      nothing: () => bad(() => undefined),
    })
    expect(await rejection(collect(a.stream('iterator')))).toMatchObject({
      code: 'UNKNOWN',
      message: 'no iterator',
    })
    expect(await rejection(collect(a.stream('next')))).toMatchObject({ code: 'UNKNOWN', message: 'no next' })
    expect(await rejection(collect(a.stream('nothing')))).toMatchObject({ code: 'UNKNOWN' })
    expect(world().reported).toHaveLength(3)
  })

  it('while it cleans up after its reader has left: only onError hears', async () => {
    const error = new Error('in finally')
    const { a } = await world().pair({
      x: async function* () {
        try {
          while (true) yield 1
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
          throw error
        }
      },
    })
    for await (const _ of a.stream('x')) break
    await settle()
    expect(world().reported).toEqual([{ peer: 'b', error, name: 'x', remote: 'a' }])
    expect(world().openChannelCount).toBe(0)
  })

  it('with an iterator whose return throws', async () => {
    const { a } = await world().pair({
      x: () => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: false, value: 1 }),
          return: () => {
            throw new Error('no return')
          },
        }),
      }),
    })
    for await (const _ of a.stream('x')) break
    await settle()
    expect(world().reported).toMatchObject([{ error: { message: 'no return' } }])
    expect(world().openChannelCount).toBe(0)
  })
})
