// An outbox whose transport says when it has read what it was given.
import { Random } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { BlockPool } from '../src/block-pool.js'
import { Outbox } from '../src/outbox.js'
import { bytesOf, MSG } from './flow-support.js'

const NONE = new Uint8Array(0)
const KIB = 1_024
const HEADER = 12

function reusing(pool = new BlockPool()): Outbox {
  const outbox = new Outbox(pool)
  outbox.isReclaimed = true
  return outbox
}

const concat = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts)

describe('an outbox that is told what was read', () => {
  it('writes to the same place again, and not before it is told', () => {
    const outbox = reusing()
    outbox.data(MSG, 1, NONE, bytesOf(100, 1))
    const [first] = outbox.take()
    outbox.data(MSG, 1, NONE, bytesOf(100, 2))
    const [second] = outbox.take()
    expect(second?.buffer).toBe(first?.buffer)
    expect(second?.byteOffset).toBe(HEADER + 100)
    outbox.reclaim()
    outbox.data(MSG, 1, NONE, bytesOf(100, 3))
    const [third] = outbox.take()
    expect([third?.buffer, third?.byteOffset]).toEqual([first?.buffer, 0])
  })

  it('touches nothing that was committed and not yet taken', () => {
    const outbox = reusing()
    outbox.data(MSG, 1, NONE, bytesOf(100, 1))
    outbox.take()
    outbox.data(MSG, 1, NONE, bytesOf(100, 2))
    outbox.reclaim()
    outbox.data(MSG, 1, NONE, bytesOf(100, 3))
    const all = concat(outbox.take())
    expect(all.subarray(HEADER, HEADER + 100).equals(bytesOf(100, 2))).toBe(true)
    expect(all.subarray(2 * HEADER + 100).equals(bytesOf(100, 3))).toBe(true)
  })

  it('needs no more memory for much than for little', () => {
    const pool = new BlockPool()
    const outbox = reusing(pool)
    const buffers = new Set<ArrayBufferLike>()
    for (let turn = 0; turn < 200; turn++) {
      for (let count = 0; count < 10; count++) outbox.data(MSG, 1, NONE, bytesOf(10 * KIB, count))
      for (const part of outbox.take()) buffers.add(part.buffer)
      outbox.reclaim()
    }
    expect(buffers.size).toBeLessThanOrEqual(4)
    expect(pool.heldBytes).toBeLessThanOrEqual(192 * KIB)
  })

  it('gives a slab back only when all of it was read', () => {
    const pool = new BlockPool()
    const outbox = reusing(pool)
    for (let count = 0; count < 12; count++) outbox.data(MSG, 1, NONE, bytesOf(15 * KIB))
    expect(pool.heldBytes).toBe(0)
    outbox.reclaim()
    expect(pool.heldBytes).toBe(0)
    while (outbox.pendingBytes > 0) outbox.take()
    outbox.reclaim()
    expect(outbox.returnedBytes).toBe(outbox.takenBytes)
    expect(pool.heldBytes).toBeGreaterThanOrEqual(64 * KIB)
  })

  it('copies the memory of the program, whatever its length; other large payloads it hands on as they are', () => {
    const outbox = reusing()
    for (const length of [1, 2 * KIB, 16 * KIB, 64 * KIB, 200 * KIB]) {
      const bytes = bytesOf(length, length)
      outbox.data(MSG, 1, NONE, bytes, 0, length, null, true)
      bytes.fill(0)
      expect(concat(outbox.take()).subarray(HEADER).equals(bytesOf(length, length))).toBe(true)
    }
    const owned = bytesOf(16 * KIB)
    outbox.data(MSG, 1, NONE, owned)
    expect(outbox.take()[1]).toBe(owned)
  })

  it('says the same as one that never writes to a place twice, in whatever order things happen', () => {
    const random = new Random(11)
    const pool = new BlockPool()
    for (let run = 0; run < 40; run++) {
      const [reused, plain] = [reusing(pool), new Outbox()]
      // What the transport of the first has not read yet: copied at the last moment.
      let unread: Uint8Array[] = []
      const said: Uint8Array[] = []
      const expected: Uint8Array[] = []
      const read = (): void => {
        said.push(...unread.map((part) => part.slice()))
        unread = []
        reused.reclaim()
      }
      for (let step = 0; step < 200; step++) {
        const action = random.int(0, 9)
        if (action < 5) {
          const length = random.pick([1, 90, 3_000, 9_000, 20_000, 70_000])
          const bytes = bytesOf(length, step)
          const isBorrowed = random.int(0, 1) === 1
          plain.data(MSG, 1, NONE, bytes.slice())
          reused.data(MSG, 1, NONE, bytes, 0, length, null, isBorrowed)
          if (isBorrowed) bytes.fill(0)
        } else if (action < 8) {
          unread.push(...reused.take())
          expected.push(...plain.take())
        } else if (action === 8) read()
        else if (random.int(0, 5) === 0) {
          reused.rest()
          reused.rest()
        }
      }
      while (reused.pendingBytes > 0) unread.push(...reused.take())
      while (plain.pendingBytes > 0) expected.push(...plain.take())
      read()
      expect(concat(said).equals(concat(expected))).toBe(true)
    }
  })
})
