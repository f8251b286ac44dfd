// Pages and workers that go away in the middle of calls: whoever is left is told, with typed errors, and nobody else is disturbed.
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Handler, Peer, PeerOptions } from '../../src/index.js'
import { collect, rejection, until, within } from '../support.js'
import { BASICS, useWorld } from '../world.js'
import { describeInChromium, type PageGlobals, type Tab } from './chrome.js'

const world = useWorld()

/** A peer in Node that listens for pages, with somebody else connected who must not notice anything. */
async function listening(
  handlers: Readonly<Record<string, Handler>> = {},
  options: PeerOptions = {},
): Promise<{ peer: Peer; url: string }> {
  const peer = world().peer({ id: 'node', ...options })
  peer.handle({ ...BASICS, hang: () => new Promise(() => {}), ...handlers })
  const { url } = await peer.bind('ws://127.0.0.1:0/peer')
  await world().bystander(url)
  return { peer, url }
}

describeInChromium('losses in Chromium', (chrome) => {
  let tab: Tab
  beforeEach(async () => {
    tab = await chrome().open('esm')
  })
  afterEach(async () => {
    await tab.close()
    expect(tab.problems).toEqual([])
  })

  const ENDS: readonly [what: string, end: (tab: Tab) => Promise<unknown>][] = [
    ['is closed', ({ page }) => page.close()],
    ['goes to another page', ({ page }) => page.goto('about:blank')],
    ['crashes', async (tab) => void (await tab.devTools()).send('Page.crash').catch(() => {})],
  ]
  it.each(ENDS)('a tab that %s in the middle of calls', async (_what, end) => {
    const reasons: unknown[] = []
    const { peer, url } = await listening({
      wait: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          })
        }),
    })
    await tab.page.evaluate(async (url) => {
      const { door } = globalThis as PageGlobals
      const inPage = door.library.createPeer({ id: 'page' })
      inPage.handle({
        hang: () => new Promise(() => {}),
        sum: async (items: AsyncIterable<number>) => {
          let sum = 0
          for await (const item of items) sum += item
          return sum
        },
        clock: async function* () {
          for (let i = 0; ; i++) {
            yield i
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
        },
      })
      await inPage.connect(url).ready
      for (let i = 0; i < 5; i++) inPage.call('wait').catch(() => {})
      await inPage.call('add', [1, 2])
    }, url)
    const toPage = { to: 'page' }
    const clock = peer.stream('clock', undefined, toPage)
    await clock.next()
    async function* forever(): AsyncGenerator<number> {
      for (let i = 0; ; i++) {
        yield i
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const calls = Array.from({ length: 20 }, () => rejection(peer.call('hang', null, toPage)))
    const upload = rejection(peer.call('sum', forever(), toPage))
    const download = rejection(collect(clock))
    const lost = new Promise((resolve) => {
      peer.on('disconnect', ({ remote }) => remote.id === 'page' && resolve(remote.id))
    })
    await end(tab)
    for (const error of await Promise.all([...calls, upload])) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE', delivery: 'unknown', origin: 'local' })
      expect(error.hint).not.toBe('')
    }
    expect(await download).toMatchObject({ code: 'UNAVAILABLE', delivery: 'processed' })
    await within(lost, "the event 'disconnect'")
    await until(() => reasons.length === 5, 'the end of what the page had asked for')
    expect(peer.peers().map(({ id }) => id)).toEqual(['bystander'])
    // Nobody is there to be asked, and who does not want to wait is told.
    const refused = await rejection(peer.call('hang', null, { ...toPage, waitForReady: false }))
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', delivery: 'not-sent' })
  })

  const LOSSES = [
    ['a worker that is terminated', 'worker'],
    ['a port whose worker is terminated', 'portHolder'],
    ['a port that is closed at the other end', 'port'],
  ] as const
  it.each(LOSSES)('%s in the middle of calls', async (_what, which) => {
    const loss = await tab.page.evaluate((which) => (globalThis as PageGlobals).door.losses[which](), which)
    expect(loss).toMatchObject({
      calls: ['UNAVAILABLE unknown', 'UNAVAILABLE unknown', 'UNAVAILABLE processed'],
      hints: [true, true, true],
      // Chromium tells nobody: what is left is that nothing comes.
      reason: expect.stringMatching(/nothing arrived|closed/),
      link: 'CLOSED',
      other: 42,
    })
  })
})
