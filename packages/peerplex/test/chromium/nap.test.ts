// Tabs that a user does not look at: hidden ones go on, frozen ones are missed by the other side, and find their way back.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { collect, rejection, until, within } from '../support.js'
import { BASICS, useWorld } from '../world.js'
import { describeInChromium, type PageGlobals } from './chrome.js'
import { type PlainTab, PlainWindow } from './plain-tab.js'

const world = useWorld()

describeInChromium('tabs that nobody looks at', (chrome) => {
  let window: PlainWindow
  let tab: PlainTab
  beforeEach(async () => {
    window = await PlainWindow.open(chrome().browser)
    tab = await window.tab(await chrome().site.urlOf('esm'))
  })
  afterEach(async () => {
    expect(await tab.problems()).toEqual([])
    await window.close()
  })

  it('a hidden tab, slowed down by the browser, answers and calls', async () => {
    const node = world().peer({ id: 'node' })
    node.handle({ ...BASICS, length: (bytes: Uint8Array) => bytes.length })
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    await tab.run(async (url) => {
      const { door } = globalThis as PageGlobals
      const peer = door.library.createPeer({ id: 'page' })
      peer.handle({
        add: ([a, b]: [number, number]) => a + b,
        length: (bytes: Uint8Array) => bytes.length,
        ticks: async function* (n: number) {
          for (let i = 0; i < n; i++) yield i
        },
      })
      await peer.connect(url).ready
      Object.assign(globalThis, { peer })
    }, url)
    const isHidden = tab.run(
      () =>
        new Promise<void>((resolve) => {
          const { document } = globalThis as any
          document.addEventListener('visibilitychange', () => document.hidden && resolve())
        }),
    )
    await window.tab(await chrome().site.urlOf('esm'))
    await within(isHidden, 'the other tab in front of it')
    const page = node.peers().find(({ id }) => id === 'page')!
    const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => page.call('add', [i, 1])))
    expect(sums).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    expect(await collect(page.stream('ticks', 2_000))).toHaveLength(2_000)
    const large = new Uint8Array(3_000_000)
    expect(await page.call('length', large)).toBe(large.length)
    const seen = await tab.run(async () => {
      const { peer } = globalThis as any
      let sum = 0
      for (let i = 0; i < 200; i++) sum += await peer.call('add', [i, 1])
      let count = 0
      for await (const _ of peer.stream('ticks', 2_000)) count++
      // More than the browser takes at once: there is no event for room, and timers are slow.
      const lengths = await Promise.all([1, 2].map(() => peer.call('length', new Uint8Array(3_000_000))))
      return { sum, count, lengths, visibility: (globalThis as any).document.visibilityState }
    })
    expect(seen).toEqual({ sum: 20_100, count: 2_000, lengths: [3_000_000, 3_000_000], visibility: 'hidden' })
  })

  it('a frozen tab: its calls and those to it end with errors, it reconnects when it is resumed', async () => {
    let runs = 0
    const node = world().peer({ id: 'node', limits: { idleTimeoutMs: 1_000 } })
    node.handle({
      ...BASICS,
      hang: () => new Promise(() => {}),
      second: () => (runs++ === 0 ? new Promise(() => {}) : 'the second run'),
    })
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    await world().bystander(url)
    await tab.run(async (url) => {
      const { door } = globalThis as PageGlobals
      const peer = door.library.createPeer({ id: 'page', reconnect: { initialMs: 20, maxMs: 200 } })
      peer.handle({ hang: () => new Promise(() => {}), add: ([a, b]: [number, number]) => a + b })
      await peer.connect(url).ready
      const outcome = (call: Promise<unknown>): Promise<unknown> =>
        call.catch(({ code, delivery, hint }) => ({ code, delivery, hasHint: hint !== '' }))
      const running = outcome(peer.call('hang'))
      const repeated = outcome(peer.call('second', null, { idempotent: true }))
      const scope = globalThis as any
      const atResume = new Promise((resolve) => {
        // The very first that the page does: it cannot know yet that it was left.
        scope.document.addEventListener('resume', () => resolve(outcome(peer.call('add', [20, 22]))))
      })
      Object.assign(scope, { peer, outcomes: { running, repeated, atResume } })
    }, url)
    await until(() => runs === 1, 'the call of the page')
    const toPage = { to: 'page' }
    const unanswered = rejection(node.call('hang', null, toPage))
    const lost = new Promise((resolve) => {
      node.on('disconnect', ({ remote, reason }) => remote.id === 'page' && resolve(reason))
    })
    await tab.freeze()
    expect(await unanswered).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', hint: /./ })
    expect(await within(lost, "the event 'disconnect'")).toMatchObject({ code: 'IDLE_TIMEOUT' })
    // It waits for the tab to come back.
    const waiting = node.call('add', [1, 2], toPage)
    await tab.resume()
    const outcomes = await tab.run(async () => {
      const { running, repeated, atResume } = (globalThis as any).outcomes
      return { running: await running, repeated: await repeated, atResume: await atResume }
    })
    expect(outcomes).toMatchObject({
      running: { code: 'UNAVAILABLE', delivery: 'unknown', hasHint: true },
      repeated: 'the second run',
    })
    // Answered by the next connection, or sent into the old one: then nobody knows, and it is said.
    if (outcomes.atResume !== 42) {
      expect(outcomes.atResume).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', hasHint: true })
    }
    expect(await within(waiting, 'the answer of the tab')).toBe(3)
    expect(await tab.run(() => (globalThis as any).peer.call('add', [2, 3]))).toBe(5)
  })

  it('a tab that is frozen for a moment only: what was asked meanwhile is answered, or told to have been cut', async () => {
    const node = world().peer({ id: 'node' })
    node.handle(BASICS)
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    await tab.run(async (url) => {
      const peer = (globalThis as PageGlobals).door.library.createPeer({
        id: 'page',
        reconnect: { initialMs: 20, maxMs: 200 },
      })
      peer.handle('add', ([a, b]: [number, number]) => a + b)
      await peer.connect(url).ready
      const ticks = peer.stream('ticks', 1_000)
      await ticks.next()
      Object.assign(globalThis, { peer, ticks })
    }, url)
    const lost: unknown[] = []
    node.on('disconnect', ({ reason }) => lost.push(reason))
    await tab.freeze()
    const sums = Array.from({ length: 50 }, (_, i) => i + 1)
    const once = Promise.allSettled(sums.map((_, i) => node.call('add', [i, 1], { to: 'page' })))
    const repeatable = Promise.all(
      sums.map((_, i) => node.call('add', [i, 1], { to: 'page', idempotent: true })),
    )
    await tab.resume()
    expect(await within(repeatable, 'the answers of the tab')).toEqual(sums)
    const outcomes = await once
    const rest = await tab.run(async () => {
      let count = 0
      try {
        for await (const _ of (globalThis as any).ticks) count++
        return count
      } catch ({ code, delivery }: any) {
        return { code, delivery }
      }
    })
    // Chromium 150 kept the WebSocket of a frozen page; 156 closes it by itself when the page is resumed.
    if (lost.length === 0) {
      expect(outcomes).toEqual(sums.map((value) => ({ status: 'fulfilled', value })))
      expect(rest).toBe(999)
      return
    }
    expect(lost).toMatchObject([
      { cause: { message: expect.stringContaining('closed the WebSocket with 1001') } },
    ])
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(sums[i])
      else expect(outcome.reason).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', hint: /./ })
    }
    // All of it was on its way before the page was left.
    if (rest !== 999) expect(rest).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await tab.run(() => (globalThis as any).peer.call('add', [2, 3]))).toBe(5)
  })
})
