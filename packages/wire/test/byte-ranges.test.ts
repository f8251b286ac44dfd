import { Random } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { byteRange, setWhole, viewOf } from '../src/byte-range.js'
import { Outbox } from '../src/outbox.js'
import { bytesOf, MSG } from './flow-support.js'

const HEADER = 12

/** The payload of the only frame that waits. */
function payloadOf(outbox: Outbox): Uint8Array {
  const parts = outbox.take()
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole.slice(HEADER)
}

describe('a part of some bytes', () => {
  it('is written as it is, whatever its length, place and neighbours', () => {
    const random = new Random(7)
    const source = bytesOf(6_000)
    const view = new DataView(source.buffer, source.byteOffset, source.length)
    for (let length = 0; length <= 110; length++) {
      for (const withView of [null, view]) {
        const outbox = new Outbox()
        // What stands before it moves the place where it is copied to.
        for (let count = random.int(0, 2); count > 0; count--) {
          outbox.data(MSG, -1, new Uint8Array(0), bytesOf(random.int(0, 8)))
          outbox.take()
        }
        const start = random.int(0, 4_000)
        outbox.data(MSG, -1, new Uint8Array(0), source, start, start + length, withView)
        outbox.data(MSG, -1, new Uint8Array(0), bytesOf(3))
        const written = payloadOf(outbox)
        expect(written.slice(0, length)).toEqual(source.slice(start, start + length))
        expect(written.length).toBe(length + HEADER + 3)
      }
    }
  })

  it('is referenced from 2 KiB on, without what stands around it', () => {
    const outbox = new Outbox()
    const source = bytesOf(10_000)
    outbox.data(MSG, -1, new Uint8Array(0), source, 100, 5_000)
    const parts = outbox.take()
    expect(parts.map((part) => part.length)).toEqual([HEADER, 4_900])
    expect(parts[1]?.buffer).toBe(source.buffer)
    expect(parts[1]).toEqual(source.subarray(100, 5_000))
  })

  it('is the array itself when it is all of it, else a view', () => {
    const bytes = bytesOf(5)
    const range = setWhole(byteRange(), bytes)
    expect(viewOf(range)).toBe(bytes)
    range.start = 2
    expect(viewOf(range)).toEqual(bytes.subarray(2))
    expect(viewOf(range).buffer).toBe(bytes.buffer)
  })
})
