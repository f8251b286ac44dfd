// The economy counter, row by row of its table: what costs, what is free, what earns, and what time gives back.
import {
  credit,
  data,
  end,
  entry,
  ignorable,
  open,
  ping,
  pong,
  RecordingSessionSink,
  reset,
  type ScriptedPeer,
  type ScriptedPeerOptions,
  stop,
} from '@peerplex/testkit'
import type { Channel } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { Economy } from '../src/economy.js'
import { TABLE } from './economy-support.js'
import { bytesOf, FIN, inbound, KIB, MIB, MORE, MSG, ONEWAY, opened, ready, TRL } from './flow-support.js'

const CALM_EVERY = 400

/** A session without keepalive, so that nothing but the test touches the counter. */
function quiet(options: ScriptedPeerOptions = {}): ScriptedPeer {
  return ready({ ...options, limits: { idleTimeoutMs: 0, ...options.limits } }, { idleMs: 0 })
}

function balance(script: ScriptedPeer): number {
  return script.session.stats().economyBalance
}

/** Uses up so many points. */
function spend(script: ScriptedPeer, points: number): void {
  for (let i = 0; i < points; i++) script.session.receive(ping())
  script.takeFrames()
}

/** How each row of the table is brought about: what must have happened before, and the bytes of one event. */
interface Cause {
  readonly options?: ScriptedPeerOptions
  prepare?(script: ScriptedPeer): void
  event(index: number): Uint8Array
}

const CREDIT_LIMITS = { byteLimit: 256 * KIB, countLimit: 16_384 }

/** Channel 1 was opened by the script and is closed. */
function closeOne(script: ScriptedPeer): void {
  inbound(script).channel.reset()
  script.takeFrames()
}

const CAUSES: Readonly<Record<string, Cause>> = {
  ping: { event: () => ping() },
  'unsolicited-pong': { event: () => pong() },
  'ignorable-frame': { event: () => ignorable({ payload: 'whatever' }) },
  'idle-channel-credit': {
    prepare: (script) => void inbound(script),
    event: () => credit({ chan: 1, ...CREDIT_LIMITS }),
  },
  'idle-connection-credit': { event: () => credit({ byteLimit: 4 * MIB, countLimit: 1_024 }) },
  'tiny-fragment': {
    prepare: (script) => void inbound(script),
    event: () => data({ flags: MSG + MORE, payload: 'x' }),
  },
  'closed-end': { prepare: closeOne, event: () => end() },
  'closed-reset': { prepare: closeOne, event: () => reset() },
  'closed-stop': { prepare: closeOne, event: () => stop() },
  'closed-credit': { prepare: closeOne, event: () => credit({ chan: 1, ...CREDIT_LIMITS }) },
  'second-stop': {
    prepare: (script) => {
      inbound(script)
      script.send(stop())
      script.expect({ kind: 'DATA', flags: FIN })
    },
    event: () => stop(),
  },
  'extra-headers': {
    prepare: (script) => {
      inbound(script)
      script.send(data({ entries: [entry('first', 'is free')] }))
    },
    event: () => data({ entries: [entry('k', 'v')] }),
  },
  'empty-transport-message': { options: { kind: 'message' }, event: () => new Uint8Array(0) },
  'open-over-limit': {
    options: { limits: { maxOpenChannels: 0 } },
    event: (index) => open({ chan: index + 1 }),
  },
}

describe('what costs on the economy counter', () => {
  it('has a cause here for every row of the table', () => {
    expect(Object.keys(CAUSES).sort()).toEqual(TABLE.costs.map((row) => row.id).sort())
  })

  it.each(TABLE.costs)(
    '$event costs $points, and ENHANCE_CALM comes when the counter falls below 0 [LIM-006]',
    ({ id, points }) => {
      const cause = CAUSES[id] as Cause
      const script = quiet(cause.options)
      cause.prepare?.(script)
      script.takeFrames()
      const start = balance(script)
      expect(start).toBe(TABLE.start)
      const count = Math.floor(start / points)
      for (let i = 0; i < count; i++) {
        script.session.receive(cause.event(i))
        expect(balance(script)).toBe(start - points * (i + 1))
      }
      expect(script.session.isOpen).toBe(true)
      script.session.receive(cause.event(count))
      expect(script.sink.closeError?.code).toBe('ENHANCE_CALM')
      expect(script.takeFrames().at(-1)).toMatchObject({ kind: 'GOAWAY', code: 68, flags: 1 })
    },
  )

  it('of a CREDIT is due also after our FIN, where CREDIT is ignored [LIM-006]', () => {
    const script = quiet()
    const { channel } = opened(script.session, { message: bytesOf(10), isLast: true })
    expect(channel.state).toBe('HALF_LOCAL')
    script.takeFrames()
    script.send(credit({ chan: -1, ...CREDIT_LIMITS }))
    expect(balance(script)).toBe(2_000)
    for (let i = 1; i <= 5; i++) {
      script.send(credit({ chan: -1, ...CREDIT_LIMITS }))
      expect(balance(script)).toBe(2_000 - i)
    }
  })

  it('of a CREDIT is not due when something was charged since the previous one [LIM-006]', () => {
    const script = quiet()
    const { channel } = opened(script.session)
    for (let i = 0; i < 20; i++) {
      script.send(credit({ chan: -1, ...CREDIT_LIMITS }))
      channel.send(bytesOf(1))
      script.send(credit({ byteLimit: 4 * MIB, countLimit: 1_024 }))
      channel.send(bytesOf(1))
    }
    expect(balance(script)).toBe(2_000)
    // A channel of ours that ended since is reason enough for a CREDIT 0.
    channel.reset()
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 1_024 }))
    expect(balance(script)).toBe(2_000)
    script.send(credit({ byteLimit: 4 * MIB, countLimit: 1_024 }))
    expect(balance(script)).toBe(1_999)
  })

  it.each([
    [511, 1],
    [512, 0],
  ])(
    'of a fragment of %i bytes is %i; its last one and a whole message are free at any length',
    (size, cost) => {
      const script = quiet()
      spend(script, 100)
      inbound(script, { flags: MSG + MORE, payload: bytesOf(size) })
      expect(balance(script)).toBe(1_900 - cost)
      script.send(data({ flags: MSG + MORE, payload: bytesOf(size) }))
      expect(balance(script)).toBe(1_900 - 2 * cost)
      script.send(data({ flags: MSG, payload: 'x' }))
      // A completed message earns 1.
      expect(balance(script)).toBe(1_900 - 2 * cost + 1)
      script.send(data({ payload: 'x' }))
      expect(balance(script)).toBe(1_900 - 2 * cost + 2)
    },
  )

  it('of headers without a message is per direction and channel, the first is free', () => {
    const script = quiet()
    for (let chan = 1; chan <= 50; chan++) {
      inbound(script, { chan })
      script.send(data({ chan, entries: [entry('k', 'v')] }))
      opened(script.session).channel.sendHeaders({ k: 'v' })
      script.takeFrames()
      script.send(data({ chan: -chan, entries: [entry('k', 'v')] }))
    }
    expect(balance(script)).toBe(2_000)
  })
})

describe('what is free', () => {
  it('has a test here for every row of the table', () => {
    expect(TABLE.free.map((row) => row.id)).toEqual(['closed-data', 'live-reset'])
  })

  it('is DATA for a closed channel: credit bounds it [LIM-006]', () => {
    const script = quiet()
    closeOne(script)
    spend(script, 1_900)
    for (let i = 0; i < 4_000; i++) {
      script.session.receive(data({ payload: 'whole' }))
      script.session.receive(data({ flags: MSG + MORE, payload: 'a tiny fragment' }))
      script.session.receive(data({ entries: [entry('k', 'headers')] }))
      script.session.receive(data({ flags: FIN + TRL, entries: [entry('t', 'w')] }))
      if (i % CALM_EVERY === 0) script.takeFrames()
    }
    expect(script.session.isOpen).toBe(true)
    expect(balance(script)).toBe(100)
  })

  it('is RESET of a live channel: open credit bounds it', () => {
    const script = quiet({ sink: new RecordingSessionSink((channel, sink) => channel.accept(sink)) })
    spend(script, 1_900)
    for (let chan = 1; chan <= 1_024; chan++) script.session.receive(open({ chan }))
    const before = balance(script)
    for (let chan = 1; chan <= 100; chan++) {
      script.session.receive(reset({ chan }))
      expect(balance(script)).toBe(Math.min(2_000, before + 3 * chan))
    }
  })

  it('is what is discarded after our STOP', () => {
    const script = quiet()
    const { channel } = inbound(script)
    spend(script, 1_900)
    channel.stop()
    for (let i = 0; i < 300; i++) script.session.receive(data({ payload: 'x' }))
    expect(balance(script)).toBe(100)
  })
})

describe('what earns', () => {
  it('has a test here for every row of the table', () => {
    expect(TABLE.gains.map(({ id, points }) => `${id} ${points}`)).toEqual(['message 1', 'channel-removed 3'])
  })

  it('is a completed message, in OPEN too, of any length, read or not [LIM-006]', () => {
    const script = quiet()
    spend(script, 100)
    const { channel } = inbound(script, { flags: MSG, payload: '' })
    expect(balance(script)).toBe(1_901)
    script.send(data({ payload: bytesOf(5_000) }))
    expect(balance(script)).toBe(1_902)
    script.send(data({ flags: MSG + MORE, payload: bytesOf(5_000) }))
    expect(balance(script)).toBe(1_902)
    script.send(data({ payload: bytesOf(1) }))
    expect(balance(script)).toBe(1_903)
    channel.pause()
    script.send(data({ payload: bytesOf(1) }))
    expect(balance(script)).toBe(1_904)
  })

  it.each<[string, (script: ScriptedPeer, channel: Channel) => void]>([
    [
      'by both FINs',
      (script, channel) => {
        channel.end()
        script.send(data({ flags: FIN }))
      },
    ],
    ['by their RESET', (script) => script.send(reset())],
    ['by their END', (script) => script.send(end())],
    ['by our RESET', (_, channel) => channel.reset()],
    ['by our END', (_, channel) => channel.fail(2)],
  ])('is the end of a channel that they opened, %s: 3 [LIM-006]', (_, endIt) => {
    const script = quiet()
    const { channel } = inbound(script)
    spend(script, 100)
    endIt(script, channel)
    expect(balance(script)).toBe(1_903)
  })

  it('is the end of a one-way, and of a call that the application refuses', () => {
    const script = quiet()
    spend(script, 100)
    inbound(script, { chan: 1, flags: FIN + ONEWAY }).channel.settle()
    expect(balance(script)).toBe(1_903)
    script.sink.onInbound = (channel) => channel.refuse()
    script.send(open({ chan: 2 }))
    expect(balance(script)).toBe(1_906)
  })

  it('is the end of a channel of ours as well: we alone decide how many those are', () => {
    const script = quiet()
    const { channel } = opened(script.session)
    script.takeFrames()
    spend(script, 100)
    channel.reset()
    expect(balance(script)).toBe(1_903)
    opened(script.session, { isOneway: true, message: bytesOf(1) })
    expect(balance(script)).toBe(1_906)
    script.session.open('cancelled at once').reset()
    expect(balance(script)).toBe(1_909)
  })

  it('is not an OPEN that was refused before it had an entry', () => {
    const script = quiet()
    spend(script, 100)
    script.send(open({ entries: Array.from({ length: 65 }, () => entry('k', '')) }))
    expect(balance(script)).toBe(1_900)
  })

  it('never lifts the counter above its cap', () => {
    const script = quiet()
    inbound(script)
    for (let i = 0; i < 100; i++) script.send(data({ payload: 'x' }))
    expect(balance(script)).toBe(TABLE.cap)
    spend(script, 1)
    expect(balance(script)).toBe(TABLE.cap - 1)
  })
})

describe('time', () => {
  it('gives the refill of the table after its interval, and not before [LIM-006]', () => {
    const script = quiet()
    spend(script, 1_900)
    script.advance(TABLE.refillIntervalMs - 1)
    script.send(ignorable())
    expect(balance(script)).toBe(99)
    script.advance(1)
    script.send(ignorable())
    expect(balance(script)).toBe(99 + TABLE.refill - 1)
  })

  it('that passed unseen counts too, up to the cap', () => {
    const script = quiet()
    spend(script, 1_900)
    script.clock.jump(3 * TABLE.refillIntervalMs + 5_000)
    script.send(ignorable())
    expect(balance(script)).toBe(100 + 3 * TABLE.refill - 1)
    // The rest of an interval is not lost.
    script.clock.jump(5_000)
    script.send(ignorable())
    expect(balance(script)).toBe(
      100 + 4 * TABLE.refill - 2 < TABLE.cap ? 100 + 4 * TABLE.refill - 2 : TABLE.cap - 1,
    )
    script.clock.jump(1_000_000)
    script.send(ignorable())
    expect(balance(script)).toBe(TABLE.cap - 1)
  })

  it('of a counter begins with the session', () => {
    const economy = new Economy(100, 10, 1_000, 5_000)
    economy.spend(90)
    economy.refill(5_999)
    expect(economy.balance).toBe(10)
    economy.refill(6_000)
    expect(economy.balance).toBe(20)
    economy.refill(6_000)
    expect(economy.balance).toBe(20)
    expect(economy.spend(20)).toBe(true)
    expect(economy.spend(1)).toBe(false)
  })
})
