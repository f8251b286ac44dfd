// Connections of a page that do not come about, or break: each says so with a typed error and a hint, and comes back where it can.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePort, listen, until, within } from '../support.js'
import { BASICS, useWorld } from '../world.js'
import { describeInChromium, type PageGlobals, type Tab } from './chrome.js'
import { TLS } from './tls.js'

const world = useWorld()

/** A WebSocket server that is not of this library; `protocol` is what it chooses. */
async function otherServer(protocol: string | null): Promise<string> {
  const server = createServer((_request, response) => response.end('not here'))
  server.on('upgrade', ({ headers }, socket) => {
    const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const chosen = protocol === null ? '' : `sec-websocket-protocol: ${protocol}\r\n`
    socket.on('error', () => {})
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n${chosen}` +
        `sec-websocket-accept: ${accept}\r\n\r\n`,
    )
  })
  world().onEnd(() => {
    server.close()
    server.closeAllConnections()
  })
  return `ws://127.0.0.1:${await listen(server)}/`
}

async function ours(scheme: string, options: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const peer = world().peer({ id: 'node' })
  peer.handle(BASICS)
  return (await peer.bind(`${scheme}://127.0.0.1:0/peer`, options)).url
}

describeInChromium('connections of a page that fail', (chrome) => {
  let tab: Tab
  beforeEach(async () => {
    tab = await chrome().open('iife')
  })
  afterEach(async () => {
    await tab.close()
    expect(tab.problems).toEqual([])
  })

  const REFUSALS: readonly [what: string, url: () => Promise<string>][] = [
    ['nobody listens', async () => `ws://127.0.0.1:${await freePort()}/peer`],
    ['a web server that has no WebSocket', async () => `${chrome().site.origin.replace('http', 'ws')}/peer`],
    ['a server that chooses no subprotocol', () => otherServer(null)],
    ['a server that chooses another subprotocol', () => otherServer('chat')],
    ['a path that the listener does not have', async () => `${await ours('ws')}/elsewhere`],
    ['a listener that allows other origins only', () => ours('ws', { origins: ['https://app.example'] })],
    ['a certificate that nobody vouches for', () => ours('wss', { tls: TLS })],
  ]
  it.each(REFUSALS)('%s', async (_what, target) => {
    const url = await target()
    const { once, call, again } = await tab.page.evaluate(async (url) => {
      const { createPeer, PeerplexError } = (globalThis as PageGlobals).door.library
      const data = (error: unknown): object => {
        if (!(error instanceof PeerplexError)) return { error: String(error) }
        const { name, code, message, hint, retryable, delivery } = error
        return { name, code, message, hint, retryable, delivery }
      }
      const resolved = (): object => ({ error: 'it resolved' })
      const peer = createPeer({ reconnect: false })
      const once = await peer.connect(url).ready.then(resolved, data)
      await peer.close()
      const patient = createPeer({ reconnect: { initialMs: 10, maxMs: 50 } })
      const link = patient.connect(url)
      const call = await patient.call('add', [1, 2], { waitForReady: false }).then(resolved, data)
      const again = await patient.call('add', [1, 2], { timeoutMs: 100 }).then(resolved, data)
      const state = link.state
      await patient.close()
      return { once, call, again, state }
    }, url)
    expect(once).toMatchObject({ code: 'UNAVAILABLE', hint: expect.stringMatching(/console of the browser/) })
    expect(once).toHaveProperty('message', expect.stringContaining(url))
    expect(call).toMatchObject({
      code: 'UNAVAILABLE',
      delivery: 'not-sent',
      hint: expect.stringMatching(/./),
    })
    expect(again).toMatchObject({ delivery: 'not-sent', hint: expect.stringMatching(/./) })
  })

  it('what a page cannot do at all: listen, and TCP', async () => {
    const errors = await tab.page.evaluate(async () => {
      const { createPeer, PeerplexError } = (globalThis as PageGlobals).door.library
      const peer = createPeer()
      const tries: (() => unknown)[] = [
        () => peer.bind('ws://127.0.0.1:0/peer'),
        () => peer.connect('tcp://127.0.0.1:1').ready,
      ]
      const errors: unknown[] = []
      for (const attempt of tries) {
        try {
          errors.push(`it resolved with ${await attempt()}`)
        } catch (error) {
          errors.push(error instanceof PeerplexError ? { code: error.code, hint: error.hint } : String(error))
        }
      }
      await peer.close()
      return errors
    })
    const hint = expect.stringMatching(/./)
    expect(errors).toEqual([
      { code: 'UNIMPLEMENTED', hint },
      { code: 'INVALID_ARGUMENT', hint },
    ])
  })

  it('a page that is offline for a while: calls wait, and are answered when it is back', async () => {
    const limits = { idleTimeoutMs: 1_000 }
    const node = world().peer({ id: 'node', limits })
    node.handle(BASICS)
    const { url } = await node.bind('ws://127.0.0.1:0/peer')
    await world().bystander(url)
    const lost = new Promise((resolve) => {
      node.on('disconnect', ({ remote, reason }) => remote.id === 'page' && resolve(reason))
    })
    const options = { id: 'page', limits, reconnect: { initialMs: 20, maxMs: 200 } }
    const open = async ({ url, options }: { url: string; options: object }): Promise<void> => {
      const scope = globalThis as any
      scope.peer = scope.door.library.createPeer(options)
      scope.peer.handle({ add: ([a, b]: [number, number]) => a + b })
      scope.link = scope.peer.connect(url)
      await scope.link.ready
    }
    await tab.page.evaluate(open, { url, options })
    // Nothing breaks: nothing comes any more, in neither direction.
    await tab.page.context().setOffline(true)
    expect(await within(lost, "the event 'disconnect'")).toMatchObject({ code: 'IDLE_TIMEOUT' })
    const stateOf = (): Promise<string> => tab.page.evaluate(() => (globalThis as any).link.state)
    let attempts = 0
    tab.page.on('console', (message) => {
      if (message.text().includes('ERR_INTERNET_DISCONNECTED')) attempts++
    })
    await until(() => attempts > 1, 'attempts without a network')
    expect(await stateOf()).not.toBe('READY')
    const answers = tab.page.evaluate(() => {
      const { peer } = globalThis as any
      return Promise.all(Array.from({ length: 20 }, (_, i) => peer.call('add', [i, 1])))
    })
    await tab.page.context().setOffline(false)
    expect(await answers).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(await stateOf()).toBe('READY')
    expect(await node.call('add', [20, 22], { to: 'page' })).toBe(42)
  })
})
