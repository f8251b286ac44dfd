// What input costs in memory that is announced, begun or tiny: no more than the bytes that are there.
import { concat, data, entry, header, RAW_TYPE } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { bytesOf, inbound, KIB, MORE, MSG, NO_IDLE, ready, SECOND, tight } from './flow-support.js'

describe('a frame that is announced and does not come', () => {
  it('costs nothing for its announced length: 16 MiB, then silence [LIM-001]', () => {
    const script = ready({ limits: { maxFrameBytes: 2 ** 24 - 1, ...NO_IDLE } }, { idleMs: 0 })
    inbound(script)
    script.sendRaw(header({ type: RAW_TYPE.DATA, flags: MSG, size: 2 ** 24 - 1, chan: 1 }))
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(64)
    script.sendRaw(bytesOf(1_000))
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(2 * 1_012)
    script.advance(60 * SECOND)
    expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(2 * 1_012)
  })

  it('is held in at most twice the bytes that are there, byte by byte [LIM-001]', () => {
    const script = ready()
    inbound(script)
    const frame = data({ payload: bytesOf(60_000) })
    for (let at = 0; at < frame.length - 1; at++) {
      script.session.receive(frame.slice(at, at + 1))
      if (at % 97 === 0)
        expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(Math.max(64, 2 * (at + 1)))
    }
    script.session.receive(frame.slice(-1))
    expect(script.session.stats().assemblingBytes).toBe(0)
    expect(script.sink.inboundAt(0).sink.messages).toHaveLength(1)
  })

  it('costs nothing for the length that a `size` entry hints at [LIM-001]', () => {
    const script = ready()
    const hint = entry(0x90, Uint8Array.of(0, 0, 0x40, 0))
    inbound(script, { flags: MSG + MORE, entries: [hint], payload: bytesOf(600) })
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 600, inboundPartials: 1 })
  })

  it('is refused by its header when it is too long, before any of its body is kept', () => {
    const script = ready()
    script.sendRaw(header({ type: RAW_TYPE.DATA, flags: MSG, size: 65_537, chan: 1 }))
    script.expectClosed('FRAME_SIZE')
    expect(script.session.stats().assemblingBytes).toBe(0)
  })
})

describe('messages that are never finished', () => {
  it('are bounded by partials times maxMessage, in fragments of any size [FLO-017]', () => {
    const limits = { maxPartialMessages: 3, maxMessageBytes: 64 * KIB, channelWindowBytes: 16 * KIB }
    const script = ready({ limits })
    for (let chan = 1; chan <= 3; chan++) inbound(script, { chan })
    for (let i = 0; i < 100; i++) {
      for (let chan = 1; chan <= 3; chan++) {
        if (script.session.channels.table.get(-chan) === undefined) continue
        script.session.receive(data({ chan, flags: MSG + MORE, payload: bytesOf(1_000) }))
        expect(script.session.stats().assemblingBytes).toBeLessThanOrEqual(3 * 64 * KIB)
      }
      script.takeFrames()
    }
    // Each grew beyond maxMessage and was reset for it.
    expect(script.session.stats()).toMatchObject({ assemblingBytes: 0, inboundPartials: 0, openChannels: 0 })
  })

  it('in fragments of one byte end the connection before they cost memory [LIM-006]', () => {
    const script = ready()
    inbound(script)
    let count = 0
    while (script.session.isOpen) {
      script.session.receive(data({ flags: MSG + MORE, payload: 'x' }))
      count++
    }
    expect(script.sink.closeError?.code).toBe('ENHANCE_CALM')
    expect(count).toBe(2_001)
    expect(script.session.stats().assemblingBytes).toBe(0)
  })

  it('do not stop the connection: no memory cap counts them (a cap that did would deadlock) [FLO-017] [FLO-018]', () => {
    const script = tight({ maxPartialMessages: 4, maxMessageBytes: 200_000, channelWindowBytes: 16 * KIB })
    for (let chan = 1; chan <= 4; chan++) inbound(script, { chan })
    // 4 × 190,000 bytes under assembly, twelve times what may be unread.
    for (let i = 0; i < 19; i++) {
      for (let chan = 1; chan <= 4; chan++) {
        script.send(data({ chan, flags: MSG + MORE, payload: bytesOf(10_000) }))
        script.takeFrames()
      }
    }
    expect(script.session.stats()).toMatchObject({
      assemblingBytes: 760_000,
      inboundPartials: 4,
      unreadBytes: 0,
    })
    for (let chan = 1; chan <= 4; chan++) script.send(data({ chan, flags: MSG, payload: 'end' }))
    for (const { sink } of script.sink.inbound) expect(sink.messages[0]?.length).toBe(190_003)
  })
})

describe('small payloads', () => {
  it('are copied out of the chunk they came in when they are kept, so that they do not pin it [LIM-002]', () => {
    const script = ready()
    const { channel } = inbound(script)
    channel.pause()
    const frames = concat([data({ payload: bytesOf(100) }), data({ chan: 1, payload: bytesOf(60_000) })])
    script.session.receive(frames)
    const small = channel.read()?.payload as Uint8Array
    const large = channel.read()?.payload as Uint8Array
    expect(small.buffer.byteLength).toBe(100)
    expect(large.length).toBe(60_000)
    expect(large.buffer.byteLength).toBeLessThanOrEqual(frames.length)
  })

  it('and fragments are copied too', () => {
    const script = ready()
    const { sink } = inbound(script, { flags: MSG + MORE, payload: bytesOf(600) })
    const chunk = concat([data({ flags: MSG, payload: bytesOf(600) })])
    script.session.receive(chunk)
    expect(sink.messages[0]?.length).toBe(1_200)
  })
})
