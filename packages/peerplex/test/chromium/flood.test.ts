// 200 MB between Node and a page, in either direction, to a reader that stops again and again: neither side ever holds more than a
// window and a message.
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Peer } from '../../src/index.js'
import { useWorld } from '../world.js'
import { describeInChromium, type PageGlobals, type Tab } from './chrome.js'
import { type Gauge, type Held, makeGauge, makeReader, makeSource } from './flood.js'

const world = useWorld()

const MESSAGE_BYTES = 16_384
const COUNT = Math.ceil(200_000_000 / MESSAGE_BYTES)
const WINDOW_BYTES = 540_672
/** Of codec and frames, for one message. */
const OVERHEAD_BYTES = 256
const BOUND_BYTES = WINDOW_BYTES + MESSAGE_BYTES + OVERHEAD_BYTES

describeInChromium('a flood of 200 MB', (chrome) => {
  let tab: Tab
  let node: Peer
  let gauge: Gauge
  beforeEach(async () => {
    tab = await chrome().open('iife')
    node = world().peer({ id: 'node' })
    gauge = makeGauge()
    const source = makeSource(node, gauge)
    node.handle({
      flood: ({ count, bytes }: { count: number; bytes: number }) => source(count, bytes),
      drink: makeReader(node, gauge),
    })
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    await tab.page.evaluate(async (url) => {
      const { createPeer } = (globalThis as PageGlobals).door.library
      const peer = createPeer({ id: 'page' })
      await peer.connect(url).ready
      Object.assign(globalThis, { peer })
    }, url)
  })
  afterEach(async () => {
    await tab.close()
    expect(tab.problems).toEqual([])
  })

  const assertBounded = (who: string, { maxBytes, sampleCount }: Held): void => {
    console.log(`${who} held at most ${maxBytes} of ${BOUND_BYTES} bytes in ${sampleCount} samples`)
    expect(sampleCount).toBeGreaterThanOrEqual(COUNT)
    expect(maxBytes).toBeGreaterThan(0)
    expect(maxBytes).toBeLessThanOrEqual(BOUND_BYTES)
  }

  it('the page reads', { timeout: 180_000 }, async () => {
    const { count, held } = await tab.page.evaluate(
      async (flood) => {
        const { peer, door } = globalThis as PageGlobals & { peer: Peer }
        const gauge = door.flood.makeGauge()
        const count = await door.flood.makeReader(peer, gauge)(peer.stream<Uint8Array>('flood', flood))
        return { count, held: gauge.held() }
      },
      { count: COUNT, bytes: MESSAGE_BYTES },
    )
    expect(count).toBe(COUNT)
    assertBounded('the page', held)
    assertBounded('Node', gauge.held())
  })

  it('the page writes', { timeout: 180_000 }, async () => {
    const { count, held } = await tab.page.evaluate(
      async ({ count: wanted, bytes }) => {
        const { peer, door } = globalThis as PageGlobals & { peer: Peer }
        const gauge = door.flood.makeGauge()
        const count = await peer.call('drink', door.flood.makeSource(peer, gauge)(wanted, bytes))
        return { count, held: gauge.held() }
      },
      { count: COUNT, bytes: MESSAGE_BYTES },
    )
    expect(count).toBe(COUNT)
    assertBounded('the page', held)
    assertBounded('Node', gauge.held())
  })
})
