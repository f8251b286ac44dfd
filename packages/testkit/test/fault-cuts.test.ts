// How a fault proxy cuts and refuses connections, between plain sockets, and what is left of it afterwards.
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { createFaultProxy, equalBytes, proxyAddress, Random, VirtualClock } from '../src/index.js'
import { End, Stage, someTurns, until, useFolder, useStage } from './fault-support.js'

const stage = useStage()
const inFolder = useFolder()
const MANY = new Random(2).bytes(200_000)

/** Waits until the proxy has forgotten all connections. */
async function nobody(): Promise<void> {
  await until(() => stage().proxy.connections.length === 0, 'the end of all connections')
}

it('a reset is ECONNRESET on both sides', async () => {
  const proxy = await stage().open()
  const first = await stage().pair()
  const second = await stage().pair()
  expect(proxy.cut('reset')).toBe(2)
  for (const end of [first.near, first.far, second.near, second.far]) {
    await end.saw('close')
    expect(end.events).toEqual(['ECONNRESET', 'close'])
  }
  await nobody()
  expect([proxy.cut('reset'), proxy.counts]).toEqual([0, { reset: 2 }])
  const third = await stage().pair()
  third.near.socket.write('again')
  await third.far.received(5)
})

it('an end is a FIN to both sides; what they still send is dropped', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  near.socket.write('before')
  await far.received(6)
  proxy.cut('end')
  await near.saw('end')
  await far.saw('end')
  near.socket.end('after')
  await someTurns()
  expect([near.events, far.events, far.text]).toEqual([['end', 'close'], ['end'], 'before'])
  far.socket.end()
  await far.saw('close')
  expect(far.events).toEqual(['end', 'close'])
  await nobody()
  expect(proxy.counts).toEqual({ end: 1 })
})

it.each([
  ['up', 'far', 'near'],
  ['down', 'near', 'far'],
] as const)('a half-close %s ends one direction and leaves the other', async (direction, told, other) => {
  const proxy = await stage().open()
  const ends = await stage().pair()
  proxy.connections[0]?.cut('halfClose', direction)
  await ends[told].saw('end')
  ends[other].socket.write('dropped')
  ends[told].socket.write('still here')
  await ends[other].received(10)
  expect([ends[told].byteCount, ends[other].events]).toEqual([0, []])
  ends[told].socket.end()
  ends[other].socket.end()
  await ends[other].saw('close')
  await ends[told].saw('close')
  await nobody()
  expect(proxy.counts).toEqual({ halfClose: 1 })
})

it.each<[string, () => unknown]>([
  ['at once', () => {}],
  ['a tick later', () => new Promise<void>((resolve) => process.nextTick(resolve))],
  ['a turn later', () => someTurns(1)],
])('a reset comes through on the heels of a half-close: %s', async (_name, wait) => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  proxy.cut('halfClose')
  await wait()
  proxy.cut('reset')
  await near.saw('ECONNRESET')
  far.socket.write('anybody?')
  await someTurns()
  far.socket.destroy()
  await nobody()
  await proxy.close()
})

it.each(['up', 'down', 'both'] as const)('cutAfter cuts at exactly so many bytes: %s', async (direction) => {
  const proxy = await stage().open()
  for (const [index, byteCount] of [0, 1, 2, 12, 13, 1_000, 65_536, 65_537, 150_000].entries()) {
    const kind = (['reset', 'end'] as const)[index % 2] as 'reset' | 'end'
    proxy.cutAfter(byteCount, direction, kind)
    const { near, far } = await stage().pair()
    const id = proxy.connections[0]?.id
    let seenBytes = 0
    proxy.onBytes = (way, connectionId, bytes) => {
      if (connectionId === id && (direction === 'both' || way === direction)) seenBytes += bytes.length
    }
    const [from, to] = direction === 'down' ? [far, near] : [near, far]
    from.socket.write(MANY)
    if (direction === 'both') far.socket.write(MANY)
    for (const end of [near, far]) {
      await end.saw(kind === 'reset' ? 'ECONNRESET' : 'end')
      end.socket.destroy()
    }
    await nobody()
    const arrived = direction === 'both' ? near.byteCount + far.byteCount : to.byteCount
    expect([arrived, seenBytes], `${kind} after ${byteCount}`).toEqual([byteCount, byteCount])
    expect(equalBytes(to.bytes, MANY.subarray(0, to.byteCount))).toBe(true)
  }
  expect(proxy.counts).toEqual({ reset: 5, end: 4, cutAfter: 9 })
})

it('cutAfter is for one new connection a call, in their order, and not for those that are there', async () => {
  const proxy = await stage().open()
  const before = await stage().pair()
  proxy.cutAfter(3, 'up', 'end')
  proxy.cutAfter(5, 'up', 'halfClose')
  const first = await stage().pair()
  const second = await stage().pair()
  const third = await stage().pair()
  for (const { near } of [before, first, second, third]) near.socket.write('0123456789')
  await first.far.saw('end')
  await first.near.saw('end')
  await second.far.saw('end')
  await before.far.received(10)
  await third.far.received(10)
  expect([first.far.text, second.far.text, second.near.events]).toEqual(['012', '01234', []])
  expect([before.far.events, third.far.events]).toEqual([[], []])
  expect(proxy.connections.map(({ id, bytesUp, bytesDown }) => [id, bytesUp, bytesDown])).toEqual([
    [1, 10, 0],
    [2, 3, 0],
    [3, 5, 0],
    [4, 10, 0],
  ])
})

it('healing takes back cuts that have not come', async () => {
  const proxy = await stage().open()
  proxy.cutAfter(3, 'up', 'reset')
  const { near, far } = await stage().pair()
  proxy.cutAfter(3, 'up', 'reset')
  proxy.refuse(true)
  proxy.heal()
  const other = await stage().pair()
  near.socket.write('12345')
  other.near.socket.write('12345')
  await far.received(5)
  await other.far.received(5)
})

it('who looks on may cut, and sees every byte that goes on', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  const seen: [string, number, string][] = []
  proxy.onBytes = (direction, id, bytes) => {
    seen.push([direction, id, Buffer.from(bytes).toString()])
    if (direction === 'down') proxy.cut('reset')
  }
  near.socket.write('question')
  await far.received(8)
  far.socket.write('answer')
  await near.saw('close')
  expect(near.byteCount).toBe(0)
  expect(seen).toEqual([
    ['up', 1, 'question'],
    ['down', 1, 'answer'],
  ])
})

it('refuse resets new connections at once and leaves the others alone', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  proxy.refuse(true)
  const refused = await stage().dial()
  await refused.saw('close')
  expect(refused.events).toEqual(['ECONNRESET', 'close'])
  expect(stage().accepted.length).toBe(1)
  near.socket.write('still')
  await far.received(5)
  proxy.refuse(false)
  await stage().pair()
  expect(proxy.counts).toEqual({ refuse: 1 })
})

it('a target that is not there is a reset for who dials', async () => {
  const proxy = await stage().open({ target: { path: inFolder('nobody') } })
  const end = await stage().dial()
  await end.saw('close')
  expect(end.events).toEqual(['ECONNRESET', 'close'])
  await nobody()
  expect(proxy.counts).toEqual({ unreachable: 1 })
})

it('a reset of one side is a reset for the other, also where that does not read', async () => {
  await stage().open()
  const { near, far } = await stage().pair()
  far.socket.pause()
  near.socket.write('bytes')
  await someTurns()
  near.socket.resetAndDestroy()
  await far.saw('close')
  expect(far.events).toEqual(['ECONNRESET', 'close'])
  await nobody()
})

it('a reset after an end is a reset for who still sends', async () => {
  await stage().open()
  const { near, far } = await stage().pair()
  near.socket.end()
  await far.saw('end')
  near.socket.resetAndDestroy()
  await near.saw('close')
  for (let i = 0; i < 3; i++) {
    far.socket.write('to nobody')
    await someTurns()
  }
  await far.saw('close')
  expect(far.events).toEqual(['end', expect.stringMatching(/ECONNRESET|EPIPE/), 'close'])
  await nobody()
})

it('what was sent before the target was reached arrives, however long that takes', async () => {
  const inner = await stage().open()
  const { port } = inner.address as { port: number }
  // A name has to be looked up first, which takes more than a turn.
  const proxy = await createFaultProxy({ target: { host: 'localhost', port } })
  const near = new End(connect({ ...proxy.address, allowHalfOpen: true }))
  near.socket.write('early')
  await until(() => proxy.connections.length === 1, 'the connection')
  while (stage().accepted.length === 0) {
    proxy.set({})
    await someTurns(1)
  }
  await until(() => stage().accepted[0]?.text === 'early', 'the early bytes')
  await proxy.close()
})

it('Unix sockets on both sides: bytes, ends, cuts, and no socket file afterwards', async () => {
  const path = inFolder('proxy')
  const proxy = await stage().open({ listen: { path } }, { path: inFolder('target') })
  expect([proxy.url, proxy.address]).toEqual([`unix:${path}`, { path }])
  expect(proxyAddress(proxy.url)).toEqual(proxy.address)
  proxy.set({ splitBytes: 1_000 })
  const { near, far } = await stage().pair()
  near.socket.end(MANY)
  await far.saw('end')
  expect(equalBytes(far.bytes, MANY)).toBe(true)
  far.socket.end('bye')
  await near.saw('close')
  expect([near.text, near.events]).toEqual(['bye', ['end', 'close']])
  const second = await stage().pair()
  proxy.cut('reset')
  await second.near.saw('end')
  await second.far.saw('end')
  await nobody()
  proxy.refuse(true)
  const third = await stage().dial()
  await third.saw('end')
  await proxy.close()
  expect(existsSync(path)).toBe(false)
})

it('addresses: what cannot be bound rejects, what is neither tcp nor unix has none', async () => {
  const { address } = await stage().open()
  await expect(createFaultProxy({ target: address, listen: address })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  expect(proxyAddress('tcp://[::1]:7000')).toEqual({ host: '::1', port: 7000 })
  expect(() => proxyAddress('ws://127.0.0.1:1')).toThrow("not on 'ws://127.0.0.1:1")
})

it.each<[string, (own: Stage, clock: VirtualClock) => Promise<unknown>]>([
  ['nothing to do', async () => {}],
  ['connections', async (own) => [await own.pair(), await own.pair()]],
  [
    'bytes that wait for their time, a script and a planned cut',
    async (own, clock) => {
      own.proxy.set({ latencyMs: 1_000, mergeMs: 10 })
      const { near } = await own.pair()
      near.socket.write('waiting')
      await until(() => own.proxy.connections[0]?.heldBytes === 7, 'the bytes')
      own.proxy.cutAfter(5, 'up', 'reset')
      void own.proxy.play([{ atMs: 500, do: 'cut', kind: 'end' }])
      expect(clock.pendingTimerCount).toBe(2)
    },
  ],
  [
    'bytes in pieces, and a half-closed connection',
    async (own) => {
      const { far } = await own.pair()
      own.proxy.cut('halfClose')
      await far.saw('end')
      own.proxy.set({ splitBytes: 1 })
      const { near, far: other } = await own.pair()
      near.socket.write(MANY)
      await other.received(10)
    },
  ],
  [
    'a connection that has not reached its target',
    async (own) => {
      own.proxy.set({ isBlackHole: true })
      await own.dial()
      await until(() => own.proxy.connections.length === 1, 'the connection')
    },
  ],
  [
    'a full pipe',
    async (own) => {
      const { near, far } = await own.pair()
      far.socket.pause()
      for (let i = 0; i < 100; i++) near.socket.write(MANY)
      await until(() => (own.proxy.connections[0]?.heldBytes ?? 0) > 2 ** 20, 'a full pipe')
    },
  ],
])('close leaves nothing: %s', async (_name, prepare) => {
  const own = new Stage()
  const clock = new VirtualClock()
  const handles = (): number =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Pipe/.test(name)).length
  const before = handles()
  const proxy = await own.open({ clock })
  await prepare(own, clock)
  const playing = proxy.play([{ atMs: 100, do: 'heal' }])
  await Promise.all([proxy.close(), proxy.close()])
  await playing
  expect([clock.pendingTimerCount, proxy.connections.length]).toEqual([0, 0])
  await own.close()
  await until(() => handles() <= before, 'the end of all sockets')
})

it('a script does its steps at their times, whatever their order, and refuses steps that cannot be done', async () => {
  const clock = new VirtualClock(1_000)
  const proxy = await stage().open({ clock })
  const { near, far } = await stage().pair()
  let isOver = false
  const playing = proxy
    .play([
      { atMs: 200, do: 'cut', kind: 'halfClose', direction: 'down' },
      { atMs: 0, do: 'refuse', isRefusing: true },
      { atMs: 100, do: 'set', settings: { isBlackHole: true }, direction: 'up' },
      { atMs: 150, do: 'heal' },
      { atMs: 300, do: 'cutAfter', bytes: 2, direction: 'up', kind: 'reset' },
    ])
    .then(() => {
      isOver = true
    })
  await (await stage().dial()).saw('close')
  clock.advance(100)
  near.socket.write('held')
  await someTurns()
  expect(far.text).toBe('')
  clock.advance(50)
  await far.received(4)
  clock.advance(50)
  await near.saw('end')
  expect([far.events, isOver]).toEqual([[], false])
  clock.advance(100)
  await playing
  const cut = await stage().pair()
  cut.near.socket.write('12345')
  await cut.far.saw('close')
  expect(cut.far.text).toBe('12')
  expect(proxy.counts).toEqual({ refuse: 1, isBlackHole: 1, halfClose: 1, reset: 1, cutAfter: 1 })

  const wrong: [() => unknown, string][] = [
    [() => proxy.set({ latencyMs: -1 }), 'latencyMs is -1; it is a number from 0'],
    [() => proxy.set({ splitBytes: 0.5 }), 'splitBytes is 0.5; it is a whole number from 1 to Infinity'],
    [() => proxy.set({ lag: 1 } as never), "no setting 'lag'"],
    [() => proxy.set({ isBlackHole: 1 } as never), 'isBlackHole is 1'],
    [() => proxy.cutAfter(-1, 'up', 'end'), 'the bytes before a cut is -1'],
  ]
  for (const [call, message] of wrong) expect(call).toThrow(message)
  await expect(proxy.play([{ atMs: -1, do: 'heal' }])).rejects.toThrow('a step is at -1 ms')
  await expect(proxy.play([{ atMs: 0, do: 'set', settings: { bytesPerSecond: 0 } }])).rejects.toThrow(
    'bytesPerSecond is 0',
  )
})
