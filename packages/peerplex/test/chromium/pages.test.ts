// What a page gets, and what the other tests here rely on: one global, no breach of a strict policy, and a breach that would be seen.
import { afterEach, expect, it } from 'vitest'
import { until } from '../support.js'
import { BASICS, useWorld } from '../world.js'
import { type Chrome, describeInChromium, type PageGlobals, type Tab } from './chrome.js'
import { TLS } from './tls.js'

const world = useWorld()

describeInChromium('pages in Chromium', (chrome) => {
  const tabs: Tab[] = []
  const open = async (...args: Parameters<Chrome['open']>): Promise<Tab> => {
    const tab = await chrome().open(...args)
    tabs.push(tab)
    return tab
  }
  afterEach(async () => {
    for (const tab of tabs.splice(0)) {
      await tab.close()
      expect(tab.problems).toEqual([])
    }
  })

  it('a script tag makes one global, with what a module exports', async () => {
    const [esm, iife] = [await open('esm'), await open('iife')]
    const globals = ({ page }: Tab): Promise<string[]> => page.evaluate(() => Object.keys(globalThis))
    const namesOf = ({ page }: Tab): Promise<string[]> =>
      page.evaluate(() => Object.keys((globalThis as PageGlobals).door.library).sort())
    const ofBundle = await globals(esm)
    expect((await globals(iife)).filter((name) => !ofBundle.includes(name))).toEqual(['Peerplex'])
    expect(await namesOf(iife)).toEqual(await namesOf(esm))
    expect(await namesOf(iife)).toContain('createPeer')
  })

  it('peerplex/json talks to a peer that prefers msgpack', async () => {
    const node = world().peer({ id: 'node' })
    node.handle({ ...BASICS, codec: (_input, { codec }) => codec })
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    const { page } = await open('json')
    const answers = await page.evaluate(async (url) => {
      const { createPeer } = (globalThis as PageGlobals).door.library
      let refusal: unknown
      try {
        createPeer({ codec: 'msgpack' })
      } catch (error) {
        refusal = error
      }
      const peer = createPeer({ id: 'page' })
      peer.handle('twice', (n: number) => 2 * n)
      await peer.connect(url).ready
      const codec = await peer.call('codec')
      const ticks: unknown[] = []
      for await (const tick of peer.stream('ticks', 3)) ticks.push(tick)
      return { codec, ticks, code: (refusal as { code?: string }).code }
    }, url)
    expect(answers).toEqual({ codec: 'json', ticks: [0, 1, 2], code: 'INVALID_ARGUMENT' })
    expect(await node.call('twice', 21, { to: 'page' })).toBe(42)
  })

  it('a shared worker serves two tabs, and one goes on when the other is closed', async () => {
    const context = await chrome().browser.newContext()
    const [first, second] = [await open('esm', context), await open('iife', context)]
    const join = ({ page }: Tab, id: string): Promise<unknown> =>
      page.evaluate(async (id) => {
        const scope = globalThis as any
        scope.peer = scope.door.library.createPeer({ id })
        await scope.peer.connect(new scope.SharedWorker('/answering.js', { name: 'of both' })).ready
        scope.clock = scope.peer.stream('clock')
        await scope.clock.next()
        return scope.peer.call('pages')
      }, id)
    expect(await join(first, 'first')).toEqual(['first'])
    expect(await join(second, 'second')).toEqual(['first', 'second'])
    await first.page.evaluate(() => (globalThis as any).peer.close())
    await first.page.close()
    const left = await second.page.evaluate(async () => {
      const { peer, clock } = globalThis as any
      for (let i = 0; i < 20; i++) await clock.next()
      return peer.call('pages')
    })
    expect(left).toEqual(['second'])
  })

  it('wss: works in a browser that trusts the certificate', async () => {
    const node = world().peer({ id: 'node' })
    node.handle(BASICS)
    const { url } = await node.bind('wss://127.0.0.1:0/peer', { tls: TLS })
    const context = await chrome().browser.newContext({ ignoreHTTPSErrors: true })
    const { page } = await open('iife', context)
    const answer = await page.evaluate(async (url) => {
      const peer = (globalThis as PageGlobals).door.library.createPeer({ id: 'page' })
      peer.handle('twice', (n: number) => 2 * n)
      await peer.connect(url).ready
      return peer.call('add', [20, 22])
    }, url)
    expect(answer).toBe(42)
    expect(await node.call('twice', 21, { to: 'page' })).toBe(42)
  })

  it('code from text, inline code and foreign scripts are refused, and seen', async () => {
    const tab = await open('esm')
    const outcome = await tab.page.evaluate((origin) => {
      const { document, door } = globalThis as any
      const inline = document.createElement('script')
      inline.textContent = 'globalThis.isBreached = true'
      document.body.append(inline)
      const foreign = document.createElement('script')
      foreign.src = origin.replace('127.0.0.1', 'localhost')
      document.body.append(foreign)
      // Later: what a driver calls itself is not held to the policy.
      return new Promise((resolve) => setTimeout(() => resolve(door.tryCodeFromText())))
    }, chrome().site.origin)
    expect(outcome).toBe('EvalError')
    await until(() => tab.problems.filter((text) => text.startsWith('violates')).length >= 3, 'the reports')
    expect(await tab.page.evaluate(() => (globalThis as any).isBreached)).toBeUndefined()
    tab.problems.splice(0)
  })
})
