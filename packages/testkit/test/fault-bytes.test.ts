// What the settings of a fault proxy do to bytes, between plain sockets; time is virtual.
import { expect, it } from 'vitest'
import { equalBytes, type FaultSettings, Random, VirtualClock } from '../src/index.js'
import { type End, Stage, someTurns, until, useStage } from './fault-support.js'

const stage = useStage()
const MANY = new Random(1).bytes(300_000)

/** Waits until the proxy has so many bytes that have not gone on. */
async function held(byteCount: number): Promise<void> {
  const { proxy } = stage()
  await until(() => proxy.connections[0]?.heldBytes === byteCount, `${byteCount} bytes that are held`)
}

it('without faults bytes go both ways and each end on its own', async () => {
  const proxy = await stage().open()
  expect(proxy.url).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
  const { near, far } = await stage().pair()
  near.socket.end(MANY)
  await far.saw('end')
  far.socket.write('after the end')
  await near.received(13)
  expect(near.events).toEqual([])
  far.socket.end()
  await near.saw('close')
  await far.saw('close')
  expect(equalBytes(far.bytes, MANY)).toBe(true)
  expect([near.text, near.events, far.events]).toEqual(['after the end', ['end', 'close'], ['end', 'close']])
  await until(() => proxy.connections.length === 0, 'the end of the connection')
  expect(proxy.counts).toEqual({})
})

it('latency holds back bytes and ends for exactly so long', async () => {
  const clock = new VirtualClock()
  const proxy = await stage().open({ clock })
  const { near, far } = await stage().pair()
  proxy.set({ latencyMs: 100 }, 'up')
  near.socket.write('one')
  await held(3)
  clock.advance(60)
  near.socket.write('two')
  await held(6)
  clock.advance(39)
  await someTurns()
  expect(far.text).toBe('')
  clock.advance(1)
  await far.received(3)
  near.socket.end()
  await someTurns()
  clock.advance(60)
  await far.received(6)
  await someTurns()
  expect([far.text, far.events]).toEqual(['onetwo', []])
  clock.advance(40)
  await far.saw('end')
  far.socket.write('down is not slow')
  await near.received(16)
  expect(proxy.counts).toEqual({ latencyMs: 1 })
})

it('a reset waits for the latency too, and is a reset on the other side', async () => {
  const clock = new VirtualClock()
  const proxy = await stage().open({ clock })
  const { near, far } = await stage().pair()
  proxy.set({ latencyMs: 100 })
  near.socket.resetAndDestroy()
  await someTurns()
  clock.advance(99)
  await someTurns()
  expect(far.events).toEqual([])
  clock.advance(1)
  await far.saw('close')
  expect(far.events).toEqual(['ECONNRESET', 'close'])
})

it('healing lets go at once of what was to wait: bytes, ends and resets', async () => {
  const proxy = await stage().open({ clock: new VirtualClock() })
  const first = await stage().pair()
  const second = await stage().pair()
  proxy.set({ latencyMs: 1_000_000, mergeMs: 100 })
  first.near.socket.end('bytes')
  await held(5)
  second.near.socket.resetAndDestroy()
  await someTurns()
  expect([first.far.text, first.far.events, second.far.events]).toEqual(['', [], []])
  proxy.heal()
  await first.far.saw('end')
  await second.far.saw('ECONNRESET')
  expect(first.far.text).toBe('bytes')
})

it('jitter is drawn anew for each piece, keeps the order, and repeats itself with the seed', async () => {
  /** When each of the pieces arrived. */
  const arrivals = async (seed: number): Promise<number[]> => {
    const own = new Stage()
    const clock = new VirtualClock()
    const proxy = await own.open({ clock, seed })
    const { near, far } = await own.pair()
    proxy.set({ jitterMs: 50 })
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      near.socket.write(String.fromCharCode(97 + i))
      await until(() => proxy.connections[0]?.heldBytes === i + 1, 'the piece')
    }
    while (far.byteCount < 20) {
      clock.advanceTo(clock.nextTimerMs as number)
      await far.received(20 - (proxy.connections[0]?.heldBytes ?? 0))
      while (times.length < far.byteCount) times.push(clock.now())
    }
    expect(far.text).toBe('abcdefghijklmnopqrst')
    await own.close()
    return times
  }
  const times = await arrivals(1)
  expect(times.every((ms) => ms > 0 && ms < 50)).toBe(true)
  expect(new Set(times).size).toBeGreaterThan(1)
  expect(await arrivals(1)).toEqual(times)
  expect(await arrivals(2)).not.toEqual(times)
})

it('splitBytes is the largest piece, whatever the writer wrote', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  proxy.set({ splitBytes: 1 }, 'up')
  proxy.set({ splitBytes: 7 }, 'down')
  near.socket.write(MANY.subarray(0, 3_000))
  far.socket.write(MANY.subarray(0, 1_000))
  await far.received(3_000)
  await near.received(1_000)
  expect(new Set(far.lengths)).toEqual(new Set([1]))
  expect(Math.max(...near.lengths)).toBe(7)
  expect(far.bytes).toEqual(MANY.subarray(0, 3_000))
  expect(near.bytes).toEqual(MANY.subarray(0, 1_000))
  expect(proxy.counts).toEqual({ splitBytes: 2 })
})

it('mergeMs passes on in one piece what comes within it', async () => {
  const clock = new VirtualClock()
  const proxy = await stage().open({ clock })
  const { near, far } = await stage().pair()
  proxy.set({ mergeMs: 20 })
  for (let i = 0; i < 10; i++) {
    near.socket.write('ab')
    await held(2 * (i + 1))
    clock.advance(1)
  }
  clock.advance(9)
  await someTurns()
  expect(far.text).toBe('')
  clock.advance(1)
  await far.received(20)
  near.socket.write('later')
  await held(5)
  clock.advance(20)
  await far.received(25)
  expect(far.lengths).toEqual([20, 5])
})

it('bytesPerSecond is never exceeded by more than 20 ms, and is reached', async () => {
  const clock = new VirtualClock()
  const proxy = await stage().open({ clock })
  const { near, far } = await stage().pair()
  proxy.set({ bytesPerSecond: 10_000 })
  near.socket.write(MANY.subarray(0, 5_000))
  await until(() => far.byteCount + (proxy.connections[0]?.heldBytes ?? 0) >= 5_000, 'all bytes')
  for (let ms = 0; ms <= 480; ms += 7) {
    await someTurns(5)
    const allowed = ms * 10
    expect(far.byteCount).toBeLessThanOrEqual(allowed + 200)
    expect(far.byteCount).toBeGreaterThanOrEqual(Math.min(5_000, allowed - 100))
    // Timers of a machine are late.
    clock.jump(7)
    clock.advance(0)
  }
  clock.advance(20)
  await far.received(5_000)
  expect(far.bytes).toEqual(MANY.subarray(0, 5_000))
})

it('a black hole passes nothing and tells nothing, also of ends, resets and new connections', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  const other = await stage().pair()
  proxy.set({ isBlackHole: true })
  near.socket.write('held')
  far.socket.end('held as well')
  other.near.socket.resetAndDestroy()
  const third = await stage().dial()
  third.socket.write('hello')
  await until(() => proxy.connections[0]?.heldBytes === 16, 'the bytes')
  await someTurns()
  expect([near.text, far.text, stage().accepted.length]).toEqual(['', '', 2])
  for (const end of [near, far, other.far, third]) expect(end.events).toEqual([])
  proxy.heal()
  await far.received(4)
  await near.saw('end')
  await other.far.saw('ECONNRESET')
  await until(() => stage().accepted[2]?.text === 'hello', 'the third connection')
  expect([near.text, far.text]).toEqual(['held as well', 'held'])
})

it('a black hole one way lets the other way through', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  proxy.set({ isBlackHole: true }, 'down')
  near.socket.write('up')
  far.socket.write('down')
  await far.received(2)
  await someTurns()
  expect(near.text).toBe('')
  proxy.set({ isBlackHole: false })
  await near.received(4)
})

it('corruption flips single bits about as often as it is told, at the same places with the same seed', async () => {
  const flips = async (seed: number): Promise<number[]> => {
    const own = new Stage()
    const proxy = await own.open({ seed })
    proxy.set({ corruptEvery: 1_000 }, 'up')
    const { near, far } = await own.pair()
    near.socket.write(MANY)
    far.socket.write('sound')
    await far.received(MANY.length)
    await near.received(5)
    expect([far.byteCount, near.text]).toEqual([MANY.length, 'sound'])
    const { bytes } = far
    const places = [...bytes.keys()].filter((at) => bytes[at] !== MANY[at])
    for (const at of places)
      expect(Math.log2((bytes[at] as number) ^ (MANY[at] as number)) % 1, `one bit at ${at}`).toBe(0)
    expect(proxy.counts).toEqual({ corruptEvery: 1, flippedBits: places.length })
    proxy.heal()
    near.socket.write(MANY)
    await far.received(2 * MANY.length)
    expect(equalBytes(far.bytes.subarray(MANY.length), MANY)).toBe(true)
    await own.close()
    return places
  }
  const first = await flips(5)
  expect(first.length).toBeGreaterThan(200)
  expect(first.length).toBeLessThan(450)
  expect(await flips(5)).toEqual(first)
  expect(await flips(6)).not.toEqual(first)
})

it('all of it together, changed again and again, loses nothing and keeps the order', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  const rng = new Random(3)
  const changes: Partial<FaultSettings>[] = [
    { latencyMs: 2 },
    { latencyMs: 0 },
    { jitterMs: 3 },
    { jitterMs: 0 },
    { splitBytes: 100 },
    { splitBytes: Number.POSITIVE_INFINITY },
    { mergeMs: 2 },
    { mergeMs: 0 },
    { bytesPerSecond: 50_000_000 },
    { bytesPerSecond: Number.POSITIVE_INFINITY },
    { isBlackHole: true },
    { isBlackHole: false },
  ]
  const transfer = async (from: End, to: End): Promise<void> => {
    for (let at = 0; at < MANY.length; ) {
      const end = at + rng.int(1, 8_000)
      from.socket.write(MANY.subarray(at, end))
      at = end
      proxy.set(rng.pick(changes), rng.pick(['up', 'down', 'both']))
      await someTurns(2)
    }
    from.socket.end()
    await to.saw('end')
    expect(equalBytes(to.bytes, MANY)).toBe(true)
  }
  const healing = setInterval(() => proxy.heal(), 20)
  try {
    await Promise.all([transfer(near, far), transfer(far, near)])
  } finally {
    clearInterval(healing)
  }
})
