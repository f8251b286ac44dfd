// How credit is counted: numbers that wrap, and the charge of a frame, the same on both sides.
import { credit, data } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { REST, WINDOW } from './credit-support.js'
import {
  bytesOf,
  chargeOf,
  countConnectionFrom,
  countFrom,
  has,
  inbound,
  KIB,
  MSG,
  MSG_BYTES,
  ofKind,
  opened,
  openedAndSeen,
  ready,
  readyPair,
  wrapped,
} from './flow-support.js'

describe.each([
  ['2^31', 2 ** 31],
  ['2^32', 2 ** 32],
])('counters that pass %s', (_, edge) => {
  const base = edge - 9_000

  it('let a sender go on exactly to the limit, and are compared as wrapping numbers [FLO-002] [FLO-008]', () => {
    const script = ready({}, { rxBytes: WINDOW, rxMsgs: 10, connBytes: 64 * KIB })
    const { channel } = openedAndSeen(script)
    countFrom(script.session, channel, base)
    channel.send(bytesOf(REST))
    script.expect({ kind: 'DATA', flags: MSG, size: REST })
    channel.send(bytesOf(100))
    script.expectNothing('the limit is reached')
    const byteLimit = wrapped(base + WINDOW + 132)
    script.send(credit({ chan: -1, byteLimit, countLimit: wrapped(base + 10) }))
    script.expect({ kind: 'DATA', size: 100 })
    script.send(credit({ chan: -1, byteLimit: wrapped(byteLimit - 1), countLimit: wrapped(base + 10) }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('let message counters pass too [FLO-002]', () => {
    const script = ready({}, { rxMsgs: 4 })
    const { channel } = openedAndSeen(script)
    countFrom(script.session, channel, edge - 2)
    for (let i = 0; i < 5; i++) channel.send(Uint8Array.of(i))
    expect(script.takeFrames()).toHaveLength(4)
    script.send(credit({ chan: -1, byteLimit: wrapped(edge - 2 + 256 * KIB), countLimit: wrapped(edge + 3) }))
    script.expect({ kind: 'DATA', payload: Uint8Array.of(4) })
    script.send(credit({ chan: -1, byteLimit: wrapped(edge - 2 + 256 * KIB), countLimit: wrapped(edge + 2) }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('let the connection limit pass [FLO-002] [FLO-009]', () => {
    const script = ready({}, { connBytes: 64 * KIB })
    const { channel } = openedAndSeen(script)
    countConnectionFrom(script.session, base)
    channel.send(bytesOf(60 * KIB))
    script.expect({ kind: 'DATA', size: 60 * KIB })
    channel.send(bytesOf(5 * KIB))
    script.expectNothing('4 KiB are left')
    script.send(credit({ byteLimit: wrapped(base + 70 * KIB), countLimit: 1024 }))
    script.expect({ kind: 'DATA', size: 5 * KIB })
    script.send(credit({ byteLimit: wrapped(base + 70 * KIB - 1), countLimit: 1024 }))
    script.expectClosed('FLOW_CONTROL')
  })

  it('are announced and enforced by a receiver as wrapping numbers [FLO-005] [FLO-006] [FLO-013] [FLO-015]', () => {
    const script = ready({ limits: { channelWindowBytes: WINDOW, connectionWindowBytes: 64 * KIB } })
    const { channel } = inbound(script)
    // So far: one OPEN of 16 bytes.
    countFrom(script.session, channel, base)
    let byteLimit = wrapped(base + WINDOW)
    let connectionLimit = wrapped(base + 64 * KIB)
    let received = base + 16
    for (let i = 0; i < 30; i++) {
      script.send(data({ payload: bytesOf(7_000) }))
      received += 7_032
      for (const frame of ofKind(script.takeFrames(), 'CREDIT')) {
        if (frame.chan === 0) connectionLimit = frame.byteLimit
        else byteLimit = frame.byteLimit
      }
      expect((byteLimit - wrapped(received)) | 0).toBeGreaterThanOrEqual(WINDOW / 2)
      expect((connectionLimit - wrapped(received)) | 0).toBeGreaterThanOrEqual(32 * KIB)
    }
    channel.pause()
    const left = (byteLimit - wrapped(received)) | 0
    script.send(data({ payload: bytesOf(left - MSG_BYTES) }))
    script.expectNothing('up to the limit, exactly')
    script.send(data({ payload: '' }))
    script.expectClosed('FLOW_CONTROL')
  })
})

describe('the wire charge', () => {
  it('of a session is that of the specification for everything it sends', () => {
    const pair = readyPair()
    const { channel } = opened(pair.sessionA, { headers: { a: '1' }, message: bytesOf(100_000) })
    channel.sendHeaders({ early: 'yes' })
    for (let i = 0; i < 10; i++) channel.send(bytesOf(i * 3_000), i % 2 === 0 ? { h: 'v' } : undefined)
    channel.sendLast(bytesOf(70_000), { h: 'v' }, { t: 'w' })
    pair.pump()
    const sum = pair.sentFrames('aToB').reduce((total, frame) => total + chargeOf(frame), 0)
    expect(pair.sessionB.channels.receiver.connection.bytesReceived).toBe(sum)
    expect(pair.sessionA.channels.sender.committer.credit.bytesSent).toBe(sum)
    expect(pair.sentFrames('aToB').filter((frame) => has(frame, MSG)).length).toBeGreaterThan(12)
  })
})
