import { ignorable, MemoryPair, ping, pong, type ScriptedPeer, u32 } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { drainToFinal, openedAndSent, ready } from './lifecycle-support.js'

/** Answers the PING that must come next. */
function answer(script: ScriptedPeer): void {
  const frame = script.expect('PING')
  if (frame.kind === 'PING') script.send(pong({ payload: frame.payload }), 'its answer')
}

describe('giving up', () => {
  it('when nothing at all has arrived for our idle time: GOAWAY IDLE_TIMEOUT [KEE-001]', () => {
    const script = ready({ limits: { idleTimeoutMs: 3000 } }, { idleMs: 0 })
    script.advance(2999)
    script.expectNothing('one millisecond is left')
    script.advance(1)
    script.expectClosed('IDLE_TIMEOUT')
    expect(script.sink.closeError).toMatchObject({ retryable: true })
  })

  it('every byte counts as life, also in the middle of a frame [KEE-002]', () => {
    const script = ready({ limits: { idleTimeoutMs: 3000 } }, { idleMs: 0 })
    const frame = ignorable({ payload: 'x'.repeat(10) })
    for (let at = 0; at < frame.length; at++) {
      script.advance(2900)
      script.sendRaw(frame.slice(at, at + 1), 'one byte')
    }
    script.expectNothing('alive')
    script.advance(3000)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('an empty chunk is no byte', () => {
    const script = ready({ limits: { idleTimeoutMs: 3000 } }, { idleMs: 0 })
    script.advance(2000)
    script.session.receive(new Uint8Array(0))
    script.advance(1000)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('never with an idle time of 0, and then no timer is left', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 0 })
    script.advance(10_000)
    expect(script.clock.pendingTimerCount, 'the wait for HELLO was the last one').toBe(0)
    script.advance(10_000_000)
    script.expectNothing('patient')
  })

  it('our own output does not keep the other side alive', () => {
    const script = ready({ limits: { idleTimeoutMs: 3000 } }, { idleMs: 0 })
    const { channel } = openedAndSent(script)
    for (let second = 0; second < 2; second++) {
      script.advance(1000)
      channel.send(Uint8Array.of(1))
      script.expect('DATA')
    }
    script.advance(1000)
    script.expectClosed('IDLE_TIMEOUT')
  })
})

describe('being heard', () => {
  it('a PING every third of the other side’s idle time when there is nothing else [KEE-003]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 9000 })
    for (let count = 0; count < 5; count++) {
      script.advance(2999)
      script.expectNothing('not yet')
      script.advance(1)
      answer(script)
    }
  })

  it('goes on for as long as both live, whatever idle time we declare ourselves [KEE-003]', () => {
    for (const idleTimeoutMs of [0, 1000, 45_000]) {
      const script = ready({ limits: { idleTimeoutMs } }, { idleMs: 1500 })
      let last = script.clock.now()
      for (let step = 0; step < 400; step++) {
        script.advance(25)
        for (const frame of script.takeFrames()) {
          expect(script.clock.now() - last).toBeLessThanOrEqual(525)
          last = script.clock.now()
          if (frame.kind === 'PING') script.send(pong({ payload: frame.payload }))
        }
      }
      expect(script.clock.now() - last).toBeLessThanOrEqual(525)
    }
  })

  it('other output is as good as a PING [KEE-004]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 9000 })
    const { channel } = openedAndSent(script)
    for (let count = 0; count < 4; count++) {
      script.advance(2900)
      channel.send(Uint8Array.of(1))
      script.expect('DATA')
      script.expectNothing('no PING')
    }
    script.advance(3000)
    script.expect('PING')
  })

  it('while one is unanswered no other is sent [KEE-005]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 9000 })
    script.advance(3000)
    const first = script.expect('PING')
    script.advance(60_000)
    script.expectNothing('the obligation rests')
    if (first.kind === 'PING') script.send(pong({ payload: first.payload }))
    script.advance(1)
    script.expect('PING', 'it is long overdue')
  })

  it('nothing is owed to a side that never gives up', () => {
    const script = ready({}, { idleMs: 0 })
    for (let count = 0; count < 20; count++) {
      script.advance(40_000)
      script.send(ping())
      script.expect('PONG')
    }
    script.expectNothing('no PING')
  })

  it('nothing is owed before the other HELLO said so', () => {
    const pair = new MemoryPair({ isStarted: false, a: { limits: { idleTimeoutMs: 0 } } })
    pair.sessionA.start()
    pair.pumpOnce('aToB')
    pair.clock.advance(9999)
    expect(pair.sessionA.hasOutput).toBe(false)
  })

  it('an idle time of 2^31 or more is read as 2^31-1', () => {
    const script = ready({}, { idleMs: 2 ** 32 - 1 })
    expect(script.session.remoteHello?.idleTimeoutMs).toBe(2 ** 31 - 1)
  })

  it('two sessions keep each other alive for hours, at the price of one PING and PONG each 15 s', () => {
    const pair = new MemoryPair()
    pair.pump()
    pair.advance(3_600_000)
    expect([pair.sessionA.state, pair.sessionB.state]).toEqual(['READY', 'READY'])
    const pings = pair.sentFrames('aToB').filter((frame) => frame.kind === 'PING').length
    expect(pings).toBeLessThanOrEqual(240)
    expect(pair.sessionA.stats().economyBalance).toBeGreaterThan(1990)
  })
})

describe('PING and PONG', () => {
  it('a PONG returns the eight bytes ahead of data [KEE-006] [MSG-022]', () => {
    const script = ready({}, { rxBytes: 1 << 20, connBytes: 1 << 20 })
    const { channel } = openedAndSent(script)
    channel.send(new Uint8Array(500_000))
    script.send(ping({ payload: Uint8Array.of(1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc) }))
    const frames = script.takeFrames()
    const at = frames.findIndex((frame) => frame.kind === 'PONG')
    expect(frames[at]).toMatchObject({ payload: Uint8Array.of(1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc) })
    // At most 64 KiB and one frame are committed ahead of it.
    const before = frames.slice(0, at).reduce((sum, frame) => sum + frame.size, 0)
    expect(before).toBeLessThanOrEqual(65_536 + 65_536)
    expect(frames.length).toBeGreaterThan(at + 1)
  })

  it('of several PINGs only the newest needs an answer [LIM-003]', () => {
    const script = ready()
    script.send([1, 2, 3].map((number) => ping({ payload: new Uint8Array(8).fill(number) })))
    script.expect({ kind: 'PONG', payload: new Uint8Array(8).fill(3) })
    script.expectNothing('one answer')
  })

  it('a PONG answers every earlier PING; one that answers none costs, and nothing else [KEE-007] [KEE-008]', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 9000 })
    openedAndSent(script)
    script.session.drain(100_000)
    script.expect('GOAWAY')
    const fence = script.expect('PING')
    script.advance(3000)
    const keepalive = script.expect('PING', 'the fence is no keepalive PING, so this one comes [KEE-005]')
    const before = script.session.stats().economyBalance
    if (keepalive.kind === 'PING') script.send(pong({ payload: keepalive.payload }), 'answers both')
    script.expect({ kind: 'GOAWAY', flags: 1 }, 'the fence is answered too')
    expect(script.session.stats().economyBalance).toBe(before)
    if (fence.kind === 'PING') script.send(pong({ payload: fence.payload }), 'again')
    script.send(pong({ payload: 'whatever' }))
    script.send(pong({ payload: new Uint8Array([...u32(99), ...u32(0)]) }), 'from the future')
    expect(script.session.stats().economyBalance).toBe(before - 3)
    script.expectNothing('ignored')
  })
})

describe('a process that stood still', () => {
  const LIMITS = { idleTimeoutMs: 45_000 } as const

  it('does not close before it has probed and waited 5 s [KEE-009]', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    script.clock.jump(300_000)
    script.advance(0)
    script.expect('PING', 'the probe')
    script.advance(4999)
    script.expectNothing('still waiting')
    script.advance(1)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('lives on when bytes were waiting all the time', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    script.clock.jump(300_000)
    script.advance(0)
    answer(script)
    script.advance(44_999)
    script.expectNothing('the idle time counts from the answer')
    script.advance(1)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('and when they are read before the timer runs, no probe is needed', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    script.clock.jump(300_000)
    script.send(pong(), 'was in the socket')
    script.advance(0)
    script.expectNothing('somebody is there')
    script.advance(45_000)
    script.expectClosed('IDLE_TIMEOUT')
  })

  it('a short delay is no standstill: 1 s, or a tenth of the idle time', () => {
    const onTime = ready({ limits: LIMITS }, { idleMs: 0 })
    onTime.clock.jump(46_000)
    onTime.advance(0)
    onTime.expectClosed('IDLE_TIMEOUT', '1 s late is not more than 1 s late')
    const late = ready({ limits: LIMITS }, { idleMs: 0 })
    late.clock.jump(46_001)
    late.advance(0)
    late.expect('PING')
    const short = ready({ limits: { idleTimeoutMs: 2000 } }, { idleMs: 0 })
    short.clock.jump(2201)
    short.advance(0)
    short.expect('PING', 'a tenth of 2 s')
  })

  it('with more than 5 s left there is nothing to probe', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    openedAndSent(script, { timeoutMs: 1000 })
    script.clock.jump(30_000)
    script.advance(0)
    script.expect('RESET', 'the deadline that passed meanwhile')
    script.expectNothing('15 s are left')
  })

  it('the deadlines of calls are not postponed', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    const { sink } = openedAndSent(script, { timeoutMs: 1000 })
    script.clock.jump(300_000)
    script.advance(0)
    expect(sink.outcome?.name).toBe('DEADLINE_EXCEEDED')
  })

  it('a side that never gives up never probes', () => {
    const script = ready({ limits: { idleTimeoutMs: 0 } }, { idleMs: 0 })
    openedAndSent(script, { timeoutMs: 1000 })
    script.clock.jump(300_000)
    script.advance(0)
    script.expect('RESET')
    script.expectNothing('no probe')
  })

  it('standing still again and again postpones again and again, each time with a probe', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    for (let count = 0; count < 5; count++) {
      script.clock.jump(100_000)
      script.advance(0)
      script.expect('PING')
    }
    script.expectNothing('alive')
  })

  it('the fence of a drain is not confused with the probe', () => {
    const script = ready({ limits: LIMITS }, { idleMs: 0 })
    openedAndSent(script)
    script.clock.jump(100_000)
    script.advance(0)
    script.expect('PING', 'the probe')
    expect(drainToFinal(script)).toBe(0)
  })
})
