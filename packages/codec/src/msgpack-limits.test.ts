// How deep and how large a message in MessagePack may be, in both directions.
import { LimitError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { msgpack, read } from '../test/msgpack-support.js'
import { bytesFrom, errorOf, nested } from '../test/support.js'
import { createMsgpackCodec } from './msgpack.js'

describe('limits of MessagePack', () => {
  it('allow 64 levels and no more, both ways', () => {
    const bytes = msgpack.encode(nested(64))
    expect(bytes).toHaveLength(64)
    expect(msgpack.decode(bytes)).toEqual(nested(64))
    for (const run of [() => msgpack.encode(nested(65)), () => read(`${'91'.repeat(64)}90`)]) {
      const error = errorOf(run)
      expect(error).toBeInstanceOf(LimitError)
      expect(error.message).toContain('maxDepth, 64 arrays and objects inside each other')
      expect(error.hint).toContain('raise maxDepth')
    }
    expect(errorOf(() => read(`${'81a161'.repeat(64)}80`))).toBeInstanceOf(LimitError)
    expect(errorOf(() => msgpack.encode({ a: nested(64) }))).toBeInstanceOf(LimitError)
  })

  it('allow 100 000 values and no more, both ways', () => {
    const most = new Array<number>(99_999).fill(0)
    const bytes = msgpack.encode(most)
    expect(msgpack.decode(bytes)).toEqual(most)
    const more = new Uint8Array(100_005)
    more.set([0xdd, 0, 1, 0x86, 0xa0])
    for (const run of [() => msgpack.encode([...most, 0]), () => msgpack.decode(more)]) {
      const error = errorOf(run)
      expect(error).toBeInstanceOf(LimitError)
      expect(error.message).toContain('maxElementCount, 100000 values in one message')
    }
    expect(errorOf(() => msgpack.encode(new Array(1e9)))).toBeInstanceOf(LimitError)
  })

  it('count what all containers announce together', () => {
    const small = createMsgpackCodec({ maxElementCount: 6 })
    expect(small.decode(bytesFrom('92 92 01 02 81 a1 61 03'))).toEqual([[1, 2], { a: 3 }])
    expect(errorOf(() => small.decode(bytesFrom('92 92 01 02 82 a1 61 03 a1 62 04')))).toBeInstanceOf(
      LimitError,
    )
    expect(small.encode([[1, 2], { a: 3 }])).toHaveLength(8)
    expect(errorOf(() => small.encode([[1, 2], { a: 3, b: 4 }])).message).toContain('at value[1] it exceeds')
  })

  it('are options', () => {
    const deep = createMsgpackCodec({ maxDepth: 1_000 })
    expect(deep.decode(deep.encode(nested(1_000)))).toEqual(nested(1_000))
    expect(errorOf(() => deep.encode(nested(1_001)))).toBeInstanceOf(LimitError)
    const one = createMsgpackCodec({ maxElementCount: 1 })
    expect(one.decode(one.encode([]))).toEqual([])
    expect(errorOf(() => one.encode([1]))).toBeInstanceOf(LimitError)
  })
})
