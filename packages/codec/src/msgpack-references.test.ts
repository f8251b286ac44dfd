// References in MessagePack: functions and streams travel as positions among those that the message announces.
import { PeerplexError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { msgpack, read, written } from '../test/msgpack-support.js'
import { errorOf } from '../test/support.js'

describe('references in MessagePack', () => {
  const collected: object[] = []
  const exporter = { exportRef: (target: object) => collected.push(target) - 1 }

  it('stand for functions and streams, by position', () => {
    collected.length = 0
    const shout = () => 1
    async function* lines() {}
    const stream = lines()
    const sink = new WritableStream()
    expect(written({ shout, in: [stream, sink] }, exporter)).toBe(
      '82 a5 73 68 6f 75 74 d6 01 00 00 00 00 a2 69 6e 92 d6 01 00 00 00 01 d6 01 00 00 00 02',
    )
    expect(collected).toEqual([shout, stream, sink])
    expect(written(shout, exporter)).toBe('d6 01 00 00 00 03')
    expect(written({ plain: [1] }, exporter)).toBe('81 a5 70 6c 61 69 6e 91 01')
  })

  it('come back as what the importer has there', () => {
    const found = [() => 1, { stream: true }]
    const refs = { importRef: (position: number) => found[position] }
    expect(read('92 d6 01 00 00 00 01 d6 01 00 00 00 00', refs)).toEqual([found[1], found[0]])
    expect(read('91 c7 04 01 00 00 00 00', refs)).toEqual([found[0]])
    expect(read('c8 00 04 01 00 00 00 00', refs)).toBe(found[0])
    expect(read('c9 00 00 00 04 01 00 00 00 01', refs)).toBe(found[1])
  })

  it('are refused beyond what the message announces, and without an announcement', () => {
    const refs = { importRef: () => undefined }
    expect(errorOf(() => read('91 d6 01 ff ff ff ff', refs)).message).toContain(
      'reference 4294967295 is not among those that the message announces (at byte 7 of 7)',
    )
    expect(errorOf(() => read('91 d6 01 00 00 00 00')).message).toContain('the message announces none')
    for (const hex of ['d4 01 00', 'd7 01 00 00 00 00 00 00 00 00', 'c7 03 01 00 00 00']) {
      expect(errorOf(() => read(hex, refs)).message).toContain('an extension of type 1 with')
    }
    expect(errorOf(() => read('81 d6 01 00 00 00 00 c0', { importRef: () => 'key' })).message).toContain(
      'neither a string nor an integer',
    )
  })

  it('pass on errors of this library and wrap others', () => {
    const gone = new PeerplexError('RESOURCE_EXHAUSTED', 'too many references')
    const failing = (error: unknown) => ({
      exportRef() {
        throw error
      },
      importRef() {
        throw error
      },
    })
    expect(() => msgpack.encode(() => 1, failing(gone))).toThrow(gone)
    expect(() => read('d6 01 00 00 00 00', failing(gone))).toThrow(gone)
    const boom = new TypeError('boom')
    expect(errorOf(() => msgpack.encode(() => 1, failing(boom))).cause).toBe(boom)
    expect(errorOf(() => read('d6 01 00 00 00 00', failing(boom))).cause).toBe(boom)
  })
})
