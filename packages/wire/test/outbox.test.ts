import * as build from '@peerplex/testkit'
import { concat, hex, RAW_TYPE, Random } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { Outbox } from '../src/outbox.js'
import { bytesOf, FIN, isSame, KIB, MSG, TRL } from './flow-support.js'

const NONE = new Uint8Array(0)
/** Payloads from here on are handed on as they are instead of copied. */
const REFERENCED = 2_048

/** Everything that waits, batch by batch. */
function batches(outbox: Outbox): Uint8Array[] {
  const taken: Uint8Array[] = []
  while (outbox.pendingBytes > 0) taken.push(concat(outbox.take()))
  return taken
}

function taken(outbox: Outbox): Uint8Array {
  return concat(batches(outbox))
}

describe('the outbox', () => {
  it('writes each frame as the layout says', () => {
    const entries = build.entry('k', 'v')
    const name = new TextEncoder().encode('echo')
    const writers: [string, (outbox: Outbox) => void, Uint8Array][] = [
      ['a greeting', (outbox) => outbox.greeting(Uint8Array.of(1, 2, 3)), Uint8Array.of(1, 2, 3)],
      ['HELLO', (outbox) => outbox.hello(build.hello().slice(12)), build.hello()],
      [
        'OPEN',
        (outbox) => outbox.open(MSG, 7, 5_000, 20_000, 9, 1, name, entries, bytesOf(5)),
        build.open({
          flags: MSG,
          chan: 7,
          timeoutMs: 5_000,
          rxBytes: 20_000,
          rxMsgs: 9,
          codec: 1,
          entries: [entries],
          payload: bytesOf(5),
        }),
      ],
      [
        'DATA',
        (outbox) => outbox.data(MSG + FIN + TRL, -3, entries, bytesOf(4)),
        build.data({ flags: MSG + FIN + TRL, chan: -3, entries: [entries], payload: bytesOf(4) }),
      ],
      [
        'END',
        (outbox) => outbox.coded(RAW_TYPE.END, 0x10, -3, 12, entries, bytesOf(4)),
        build.end({ flags: 0x10, chan: -3, code: 12, entries: [entries], payload: bytesOf(4) }),
      ],
      [
        'RESET',
        (outbox) => outbox.coded(RAW_TYPE.RESET, 0, 3, 2 ** 32 - 1, NONE, NONE),
        build.reset({ chan: 3, code: 2 ** 32 - 1 }),
      ],
      ['STOP', (outbox) => outbox.stop(-4, 1), build.stop({ chan: -4, code: 1 })],
      [
        'CREDIT',
        (outbox) => outbox.credit(-4, 2 ** 32 - 1, 2 ** 31),
        build.credit({ chan: -4, byteLimit: 2 ** 32 - 1, countLimit: 2 ** 31 }),
      ],
      ['PING', (outbox) => outbox.ping(1, 2), build.ping({ payload: concat([build.u32(1), build.u32(2)]) })],
      ['PONG', (outbox) => outbox.pong(1, 2), build.pong({ payload: concat([build.u32(1), build.u32(2)]) })],
      [
        'GOAWAY',
        (outbox) => outbox.goaway(true, 67, 41, 1_000, entries),
        build.goaway({ flags: 1, code: 67, lastId: 41, graceMs: 1_000, entries: [entries] }),
      ],
      [
        'REF',
        (outbox) => outbox.ref([1, 2, 5, 6]),
        build.ref({
          releases: [
            { refId: 1, count: 2 },
            { refId: 5, count: 6 },
          ],
        }),
      ],
    ]
    const all = new Outbox()
    for (const [kind, write, expected] of writers) {
      const outbox = new Outbox()
      write(outbox)
      expect([kind, hex(taken(outbox), 4)]).toEqual([kind, hex(expected, 4)])
      write(all)
    }
    expect(isSame(taken(all), concat(writers.map(([, , expected]) => expected)))).toBe(true)
  })

  it('keeps the order, whatever the lengths', () => {
    const random = new Random(3)
    for (let round = 0; round < 30; round++) {
      const outbox = new Outbox()
      const expected: Uint8Array[] = []
      const out: Uint8Array[] = []
      for (let i = 0; i < 60; i++) {
        const payload = bytesOf(random.pick([0, 1, 100, REFERENCED - 1, REFERENCED, 5_000, 70_000]), i)
        const entries = random.bool(0.3) ? build.entry('key', 'x'.repeat(random.int(0, 60_000))) : NONE
        outbox.data(MSG, i + 1, entries, payload)
        expected.push(build.data({ flags: MSG, chan: i + 1, entries: [entries], payload }))
        if (random.bool(0.1)) out.push(...outbox.take())
      }
      out.push(taken(outbox))
      expect(isSame(concat(out), concat(expected))).toBe(true)
    }
  })

  it('copies small payloads and hands large ones on as they are', () => {
    const outbox = new Outbox()
    const small = bytesOf(REFERENCED - 1)
    const large = bytesOf(REFERENCED)
    outbox.data(MSG, 1, NONE, small)
    outbox.data(MSG, 1, NONE, large)
    outbox.data(MSG, 1, NONE, small)
    const parts = outbox.take()
    expect(parts).toHaveLength(3)
    expect(parts[1]).toBe(large)
    small.fill(0)
    expect(isSame(parts[0]?.subarray(12, 12 + REFERENCED - 1), bytesOf(REFERENCED - 1))).toBe(true)
  })

  it('puts many small frames into few parts: its slabs grow to the largest at once', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 1_000; i++) outbox.data(MSG, i + 1, NONE, bytesOf(20))
    expect(outbox.take()).toHaveLength(3)
    for (let i = 0; i < 1_000; i++) outbox.data(MSG, i + 1, NONE, bytesOf(20))
    expect(outbox.take()).toHaveLength(1)
    expect(outbox.slabBytes).toBe(64 * KIB)
  })

  it('holds no memory before anything is said, nor for the greeting, which it copies', () => {
    const outbox = new Outbox()
    const hello = build.hello()
    expect(outbox.slabBytes).toBe(0)
    outbox.greeting(hello)
    expect([outbox.pendingBytes, outbox.frameCount, outbox.slabBytes]).toEqual([hello.length, 1, 0])
    const [part] = outbox.take()
    expect(isSame(part, hello)).toBe(true)
    expect(part?.buffer).not.toBe(hello.buffer)
  })

  it('keeps the greeting in its place, whatever comes before and after it', () => {
    const outbox = new Outbox()
    outbox.ping(1, 0)
    outbox.greeting(build.hello())
    outbox.ping(2, 0)
    const [first, second] = [1, 2].map((low) =>
      build.ping({ payload: concat([build.u32(low), build.u32(0)]) }),
    )
    expect(isSame(taken(outbox), concat([first as Uint8Array, build.hello(), second as Uint8Array]))).toBe(
      true,
    )
  })

  it('gives its slab up when next to nothing was said between two rests, and begins small again', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 1_000; i++) outbox.data(MSG, 1, NONE, bytesOf(50))
    outbox.take()
    outbox.rest()
    expect(outbox.slabBytes, 'busy until now').toBe(64 * KIB)
    outbox.ping(1, 0)
    outbox.take()
    outbox.rest()
    expect(outbox.slabBytes).toBe(0)
    for (let round = 0; round < 20; round++) {
      outbox.ping(round, 0)
      outbox.pong(round, 0)
      taken(outbox)
      outbox.rest()
      expect(outbox.slabBytes, `after rest ${round}`).toBeLessThanOrEqual(64)
    }
  })

  it('does not give up what still waits', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 1_000; i++) outbox.data(MSG, 1, NONE, bytesOf(50, i))
    const frames = Array.from({ length: 1_000 }, (_, i) => build.data({ chan: 1, payload: bytesOf(50, i) }))
    for (let i = 0; i < 3; i++) outbox.rest()
    expect(isSame(taken(outbox), concat(frames))).toBe(true)
  })

  it('never writes again into what was handed over, over many rests', () => {
    const random = new Random(9)
    const outbox = new Outbox()
    const held: { part: Uint8Array; copy: Uint8Array }[] = []
    for (let step = 0; step < 3_000; step++) {
      const action = random.int(0, 9)
      if (action < 5) outbox.data(MSG, 1, NONE, bytesOf(random.pick([1, 20, 200, 3_000]), step))
      else if (action < 7) outbox.ping(step, 0)
      else if (action < 8) outbox.rest()
      else for (const part of outbox.take()) held.push({ part, copy: part.slice() })
    }
    expect(held.length).toBeGreaterThan(300)
    for (const { part, copy } of held) expect(isSame(part, copy)).toBe(true)
  })

  it('never writes again into what was handed over', () => {
    const outbox = new Outbox()
    outbox.data(MSG, 1, NONE, bytesOf(100))
    const first = outbox.take()
    const before = concat(first)
    for (let i = 0; i < 5_000; i++) outbox.data(MSG, 2, NONE, bytesOf(50, i))
    taken(outbox)
    for (let i = 0; i < 5_000; i++) outbox.data(MSG, 3, NONE, bytesOf(50, i))
    expect(isSame(concat(first), before)).toBe(true)
  })

  it('counts what was committed, what was taken and what waits', () => {
    const outbox = new Outbox()
    expect([outbox.committedBytes, outbox.takenBytes, outbox.pendingBytes, outbox.frameCount]).toEqual([
      0, 0, 0, 0,
    ])
    outbox.greeting(bytesOf(8))
    outbox.data(MSG, 1, NONE, bytesOf(100))
    outbox.data(MSG, 1, NONE, bytesOf(10_000))
    outbox.stop(1, 0)
    const total = 8 + 112 + 10_012 + 16
    expect([outbox.committedBytes, outbox.takenBytes, outbox.pendingBytes, outbox.frameCount]).toEqual([
      total,
      0,
      total,
      4,
    ])
    expect(taken(outbox)).toHaveLength(total)
    expect([outbox.committedBytes, outbox.takenBytes, outbox.pendingBytes]).toEqual([total, total, 0])
    outbox.ping(0, 0)
    expect([outbox.committedBytes, outbox.pendingBytes]).toEqual([total + 20, 20])
  })

  it('gives nothing when there is nothing', () => {
    const outbox = new Outbox()
    expect(outbox.take()).toEqual([])
    outbox.ping(0, 0)
    outbox.take()
    expect(outbox.take()).toEqual([])
  })

  it('forgets what is discarded, and goes on behind it', () => {
    const outbox = new Outbox()
    outbox.data(MSG, 1, NONE, bytesOf(100))
    outbox.take()
    outbox.data(MSG, 2, NONE, bytesOf(100))
    outbox.data(MSG, 2, NONE, bytesOf(10_000))
    outbox.data(MSG, 2, NONE, bytesOf(100))
    outbox.discard()
    expect([outbox.pendingBytes, outbox.committedBytes]).toEqual([0, 112])
    outbox.stop(3, 1)
    expect(isSame(taken(outbox), build.stop({ chan: 3, code: 1 }))).toBe(true)
    expect(outbox.takenBytes).toBe(112 + 16)
  })

  it('holds a frame that is larger than its slab, metadata and all', () => {
    const outbox = new Outbox()
    const entries = build.entry('k', 'x'.repeat(65_000))
    outbox.data(MSG, 1, entries, bytesOf(500 * KIB))
    outbox.data(MSG, 1, entries, bytesOf(2_000))
    const expected = [500 * KIB, 2_000].map((size) =>
      build.data({ entries: [entries], payload: bytesOf(size) }),
    )
    expect(isSame(taken(outbox), concat(expected))).toBe(true)
  })

  it('gives batches of whole frames that stay well below a transport message of 1 MiB', () => {
    const outbox = new Outbox()
    const sizes = [200, 60_000, 3_000, 262_000, 100, 262_000, 0, 90_000, 90_000, 90_000]
    const frames = sizes.map((size) => build.data({ payload: bytesOf(size) }))
    for (const size of sizes) outbox.data(MSG, 1, NONE, bytesOf(size))
    const got: Uint8Array[] = []
    while (outbox.pendingBytes > 0) {
      const before = outbox.takenBytes
      const batch = concat(outbox.take())
      expect(outbox.takenBytes - before).toBe(batch.length)
      expect(batch.length).toBeLessThanOrEqual(128 * KIB + 256 * KIB + 24)
      expect(build.naiveDecode(batch, { maxFrame: 2 ** 24 - 1, helloSeen: true })).toMatchObject({
        restBytes: 0,
      })
      got.push(batch)
    }
    expect(got.length).toBeGreaterThan(3)
    for (const batch of got.slice(0, -1)) expect(batch.length).toBeGreaterThanOrEqual(128 * KIB)
    expect(isSame(concat(got), concat(frames))).toBe(true)
  })

  it('forgets full batches too when it is told to discard', () => {
    const outbox = new Outbox()
    for (let i = 0; i < 10; i++) outbox.data(MSG, 1, NONE, bytesOf(50_000))
    const first = concat(outbox.take()).length
    outbox.discard()
    outbox.ping(1, 2)
    expect(taken(outbox).length).toBe(20)
    expect([outbox.takenBytes, outbox.committedBytes]).toEqual([first + 20, first + 20])
  })
})
