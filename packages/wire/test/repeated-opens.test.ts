import { data, open } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { OpenReader } from '../src/open-reader.js'
import { inbound, ready } from './lifecycle-support.js'

describe('OPENs that say the same', () => {
  it('share what they say, and nothing else does', () => {
    const reader = new OpenReader()
    const read = (init: Parameters<typeof open>[0]) => {
      const frame = open(init)
      const meta = (frame[6] as number) | ((frame[7] as number) << 8)
      return reader.read(frame, 12, 12 + meta)
    }
    const first = read({ name: 'math.add' })
    expect(read({ name: 'math.add' })).toBe(first)
    expect(read({ name: 'math.add', chan: 99 })).toBe(first)
    const others = [
      read({ name: 'math.sub' }),
      // These share its slot: same length, same last byte.
      read({ name: 'mash.add' }),
      read({ name: 'math.add', codec: 2 }),
      read({ name: 'math.add', timeoutMs: 5 }),
      read({ name: 'math.add', rxBytes: 20_000 }),
      read({ name: 'math.add', rxMsgs: 7 }),
    ]
    expect(new Set([first, ...others]).size).toBe(7)
    expect(others.map(({ name, codec, timeoutMs }) => [name, codec, timeoutMs]).slice(0, 4)).toEqual([
      ['math.sub', first.codec, 0],
      ['mash.add', first.codec, 0],
      ['math.add', 2, 0],
      ['math.add', first.codec, 5],
    ])
    expect(read({ name: 'math.add' })).toEqual(first)
  })

  it('are checked even when most of it was seen before', () => {
    const reader = new OpenReader()
    const frame = open({ name: 'echo' })
    reader.read(frame, 12, 12 + 12 + 4)
    frame[12 + 12] = 1
    expect(() => reader.read(frame, 12, 12 + 12 + 4)).toThrow('a control character in the name')
  })

  it('give each channel what is its own: id, credit, headers, input', () => {
    const script = ready({})
    const channels = [1, 2, 3].map((chan) => inbound(script, { chan, payload: 'x' }))
    expect(new Set(channels.map(({ channel }) => channel)).size).toBe(3)
    script.send(data({ chan: 2, payload: 'y' }))
    expect(channels.map(({ channel }) => channel.receiveCredit.messagesReceived)).toEqual([1, 2, 1])
  })
})
