import { describe, expect, it } from 'vitest'
import { createMsgpackCodec, createRawCodec } from '../src/index.js'

const range = () => ({
  bytes: new Uint8Array(0),
  view: null as DataView | null,
  start: 0,
  end: 0,
  isBorrowed: false,
})

describe.each([
  ['raw', createRawCodec(), (n: number): unknown => new Uint8Array(n).fill(n % 251)],
  ['msgpack', createMsgpackCodec(), (n: number): unknown => ({ n, text: 'x'.repeat(n) })],
])('encodeRange of %s', (_name, codec, valueFor) => {
  it('gives what encode gives, and never touches it again', () => {
    const out = range()
    const given: { value: unknown; bytes: Uint8Array; start: number; end: number }[] = []
    for (const n of [0, 1, 30, 200, 2_000, 5_000, 9_000, 40_000, 3, 100]) {
      for (let times = 0; times < 20; times++) {
        const value = valueFor(n)
        codec.encodeRange?.(value, out)
        given.push({ value, bytes: out.bytes, start: out.start, end: out.end })
        if (out.view !== null) expect(out.view.byteLength).toBe(out.bytes.length)
      }
    }
    for (const { value, bytes, start, end } of given) {
      expect(bytes.subarray(start, end)).toEqual(codec.encode(value))
    }
  })

  it('shares memory between small ones, and gives large ones memory of their own', () => {
    const out = range()
    codec.encodeRange?.(valueFor(10), out)
    const block = out.bytes.buffer
    codec.encodeRange?.(valueFor(10), out)
    expect(out.bytes.buffer).toBe(block)
    codec.encodeRange?.(valueFor(20_000), out)
    expect(out.bytes.buffer).not.toBe(block)
    expect(out.bytes.length).toBe(out.end)
  })

  it('leaves the range as it was when there is nothing to give', () => {
    const out = range()
    expect(() => codec.encodeRange?.(Symbol('s'), out)).toThrow()
    expect([out.start, out.end, out.bytes.length]).toEqual([0, 0, 0])
  })
})

it('a toJSON that encodes meanwhile does not disturb what is being encoded', () => {
  const codec = createMsgpackCodec()
  const inner = range()
  const outer = range()
  const nested = {
    toJSON: () => {
      codec.encodeRange?.('inner', inner)
      return 'outer'
    },
  }
  codec.encodeRange?.({ before: 1, nested, after: 2 }, outer)
  expect(codec.decode(outer.bytes.subarray(outer.start, outer.end))).toEqual({
    before: 1,
    nested: 'outer',
    after: 2,
  })
  expect(codec.decode(inner.bytes.subarray(inner.start, inner.end))).toBe('inner')
})
