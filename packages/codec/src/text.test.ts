import { describe, expect, it } from 'vitest'
import { bytesFrom, errorOf, hexOf } from '../test/support.js'
import { createTextCodec } from './text.js'

const text = createTextCodec()

describe('codec text', () => {
  it.each(['', 'a', 'né', '日本', '😀', '\0', '\ufeffmark'])('round trips %j', (value) => {
    const bytes = text.encode(value)
    expect(bytes.buffer.byteLength).toBe(bytes.length)
    expect(text.decode(bytes)).toBe(value)
  })

  it('is UTF-8', () => {
    expect(hexOf(text.encode('né😀'))).toBe('6e c3 a9 f0 9f 98 80')
  })

  it('makes nothing of undefined', () => {
    expect(text.encode(undefined)).toHaveLength(0)
  })

  it.each([null, 5, ['a'], new String('a'), new Uint8Array(1)])('refuses %s', (value) => {
    expect(errorOf(() => text.encode(value)).message).toContain('codec text cannot encode this: value is ')
  })

  it.each(['ff', 'c3', 'c3 28', 'ed a0 80', 'f0 9f 98', 'c0 80', 'f5 80 80 80', '61 80'])(
    'refuses %s, which is no UTF-8',
    (hex) => {
      const error = errorOf(() => text.decode(bytesFrom(hex)))
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', delivery: 'unknown' })
      expect(error.message).toBe('codec text cannot decode what arrived: it is not valid UTF-8')
    },
  )
})
