import { expect, it } from 'vitest'
import type { Codec } from '@peerplex/wire'
import { CallError } from '@peerplex/wire'
import type { Connection, ConnectionSink, Transport } from '@peerplex/wire/transport'
import { createPeer } from '../src/index.js'

const json: Codec = {
  id: 1, name: 'json',
  encode: (v) => new TextEncoder().encode(JSON.stringify(v ?? null)),
  decode: (b) => JSON.parse(new TextDecoder().decode(b)),
}
const codecs = {
  announce: () => 'json', parse: () => new Map([['json', 1]]), byId: (id: number) => (id === 1 ? json : undefined), choose: () => json,
}
function memory(): Transport {
  const names = new Map<string, (c: Connection) => void>()
  const none: ConnectionSink = { onData() {}, onDrain() {}, onEnd() {} }
  class End implements Connection {
    kind = 'byte' as const; sink = none; other!: End; ended = false
    constructor(readonly url: string) {}
    write(parts: readonly Uint8Array[]) { for (const p of parts) { const c = p.slice(); setImmediate(() => { if (!this.other.ended) this.other.sink.onData(c) }) } return true }
    end() { setImmediate(() => this.other.close()) }
    destroy() { this.ended = true; setImmediate(() => this.other.close()) }
    close() { if (!this.ended) { this.ended = true; this.sink.onEnd(undefined) } }
  }
  return {
    schemes: ['memory'],
    async connect(e) { const f = names.get(e.path); if (!f) throw new Error('nobody listens'); const a = new End(e.url), b = new End(e.url); a.other = b; b.other = a; f(b); return a },
    async listen(e, _o, on) { names.set(e.path, on); return { url: e.url, close: async () => { names.delete(e.path) } } },
  }
}
it('calls both ways, streams, errors', async () => {
  const t = memory()
  const a = createPeer({ transports: [t], codecs }, { id: 'a' })
  const b = createPeer({ transports: [t], codecs }, { id: 'b' })
  b.handle({
    add: ([x, y]: [number, number]) => x + y,
    slow: async (x: number) => { await null; return x * 2 },
    ticks: async function* ({ n }: { n: number }) { for (let i = 0; i < n; i++) yield i },
    sum: async (xs: AsyncIterable<number>) => { let s = 0; for await (const x of xs) s += x; return s },
    fail: () => { throw new CallError('NOT_FOUND', 'no such user', { details: { id: 7 } }) },
    whoami: (_i, ctx) => ctx.remote.call('name'),
    boom: () => { throw new Error('kaput') },
    forever: async function* (_i, ctx) { let i = 0; try { while (!ctx.signal.aborted) { yield i++ } } finally { closed = true } },
  })
  let closed = false
  a.handle('name', () => 'I am a')
  const early = a.call('add', [1, 2])
  await b.bind('memory:x')
  console.log('ok 1')
  const link = a.connect('memory:x')
  await link.ready
  console.log('ok 3')
  expect(await early).toBe(3)
  console.log('ok 4')
  expect(await a.call('slow', 4)).toBe(8)
  console.log('ok 5')
  const got: unknown[] = []
  for await (const x of a.stream('ticks', { n: 5 })) got.push(x)
  console.log('ok 7')
  expect(got).toEqual([0, 1, 2, 3, 4])
  console.log('ok 8')
  expect(await a.call('sum', (async function* () { for (let i = 0; i < 1000; i++) yield i })())).toBe(499500)
  console.log('ok 9')
  expect(await a.call('whoami')).toBe('I am a')
  console.log('ok 10')
  await expect(a.call('fail')).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no such user', details: { id: 7 }, delivery: 'processed' })
  console.log('ok 11')
  await expect(a.call('boom')).rejects.toMatchObject({ code: 'UNKNOWN', message: 'kaput' })
  console.log('ok 12')
  await expect(a.call('ad')).rejects.toMatchObject({ code: 'UNIMPLEMENTED', message: "no handler for 'ad' at peer b (memory:x); did you mean 'add'?" })
  console.log('ok 13')
  let n = 0
  for await (const _ of a.stream('forever')) if (++n === 10) break
  console.log('ok 15')
  await new Promise((r) => setTimeout(r, 500))
  console.log('ok 16')
  expect(closed).toBe(true)
  console.log('ok 17')
  await expect(a.call('ticks', { n: 2 })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  console.log('ok 18')
  const c = new AbortController()
  const p = a.call('slow', 1, { signal: c.signal }); c.abort(new Error('enough'))
  await expect(p).rejects.toThrow('enough')
  console.log('ok 21')
  await a.notify('add', [1, 1])
  console.log('ok 22')
  expect(await b.peers()[0]!.call('name')).toBe('I am a')
  console.log('ok 23')
  const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => a.call('add', [i, 1])))
  console.log('ok 24')
  expect(all[999]).toBe(1000)
  console.log('ok 25')
  console.log(JSON.stringify(a.stats().queue), a.stats().connections[0]?.openChannels)
  await a.close(); await b.close()
  console.log('ok 27')
})
