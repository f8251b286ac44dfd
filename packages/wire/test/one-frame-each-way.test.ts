// A channel that carries one frame each way makes no credit objects: it is held to the same limits, and counts the same.
import { credit, data, open } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { WINDOW } from './credit-support.js'
import { bytesOf, FIN, inbound, KIB, MSG, ofKind, opened, payloadSizes, ready } from './flow-support.js'

const MSG_BYTES = 32

describe('an answer that is the only frame of its direction', () => {
  it.each([
    ['the window of this side', { limits: { channelWindowBytes: WINDOW } }, {}, WINDOW],
    ['the window that the OPEN gave', {}, { windowBytes: 20_000 }, 20_000],
  ])('may fill %s, and not a byte more [FLO-005]', (_what, options, openOptions, window) => {
    for (const extra of [0, 1]) {
      const script = ready(options)
      const { channel } = opened(script.session, { ...openOptions, message: bytesOf(1), isLast: true })
      script.expect('OPEN')
      script.send(data({ chan: -1, flags: MSG + FIN, payload: bytesOf(window - MSG_BYTES + extra) }))
      if (extra === 1) script.expectClosed('FLOW_CONTROL')
      else {
        expect(script.session.isOpen).toBe(true)
        expect(channel.receiveCredit).toMatchObject({ bytesReceived: window, messagesReceived: 1 })
        expect(channel.outcome?.code).toBe(0)
      }
    }
  })
})

describe('an OPEN with its whole message', () => {
  it('keeps to the window of a channel: what does not fit waits for CREDIT [FLO-001]', () => {
    const script = ready({}, { rxBytes: WINDOW, maxFrame: 64 * KIB })
    const { channel } = opened(script.session, { message: bytesOf(20_000), isLast: true })
    const [first] = ofKind(script.takeFrames(), 'OPEN')
    expect(first?.size).toBeLessThanOrEqual(WINDOW - MSG_BYTES)
    expect(channel.sendCredit.bytesSent).toBe((first?.size ?? 0) + MSG_BYTES)
    script.send(credit({ chan: -1, byteLimit: 2 * WINDOW, countLimit: 16_384 }))
    expect(payloadSizes(script.takeFrames())).toEqual([20_000 - (first?.payload.length ?? 0)])
  })

  it('counts as if there were a credit from the beginning', () => {
    const script = ready()
    const { channel } = opened(script.session, { message: bytesOf(100), isLast: true })
    const [frame] = script.takeFrames()
    expect(channel.sendCredit).toMatchObject({ bytesSent: (frame?.size ?? 0) + MSG_BYTES, messagesSent: 1 })
    const bare = opened(script.session).channel
    const [without] = script.takeFrames()
    expect(bare.sendCredit).toMatchObject({ bytesSent: without?.size, messagesSent: 0 })
  })
})

describe('a first answer behind which more comes', () => {
  it('is counted when the second one is sent', () => {
    const script = ready({}, { rxBytes: WINDOW, rxMsgs: 2 })
    const { channel } = inbound(script)
    channel.send(bytesOf(1_000))
    channel.send(bytesOf(2_000))
    channel.send(bytesOf(3_000))
    expect(payloadSizes(script.takeFrames())).toEqual([1_000, 2_000])
    expect(channel.sendCredit).toMatchObject({ bytesSent: 3_000 + 2 * MSG_BYTES, messagesSent: 2 })
    expect(channel.bufferedBytes).toBe(3_000)
  })

  it('of an OPEN with a message, the credit of that message is given back once it was read', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW } })
    script.send(open({ payload: bytesOf(WINDOW - 16 - MSG_BYTES) }))
    script.expect({ kind: 'CREDIT', chan: -1, byteLimit: 2 * WINDOW })
  })
})
