// Bytes of a program: what it hands over is as it was at that moment, whatever it does with its array afterwards; what it gets is its own.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, data, entry, hello, preface } from '@peerplex/testkit'
import type { Connection, ConnectionSink } from '@peerplex/wire/transport'
import { createPeer, type Peer, type PeerChannel } from 'peerplex'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect, within } from './support.js'

/** Below and above each length at which something else is done with a message. */
const LENGTHS = [1, 2_048, 2_049, 16_384, 65_536, 81_920, 300_000]

let folder: string
let a: Peer
let b: Peer

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peerplex-'))
  a = createPeer({ codec: 'raw' })
  b = createPeer({ codec: 'raw' })
})

afterEach(async () => {
  await Promise.all([a.close(), b.close()])
  rmSync(folder, { recursive: true, force: true })
})

const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')

describe.each(['tcp', 'unix', 'ws', 'memory'])('over %s', (scheme) => {
  beforeEach(async () => {
    const target =
      scheme === 'unix'
        ? `unix:${join(folder, 's')}`
        : scheme === 'memory'
          ? `memory:bytes-${folder}`
          : `${scheme}://127.0.0.1:0`
    const { url } = await b.bind(target)
    await a.connect(url).ready
  })

  it.each(LENGTHS)(
    '%i bytes that are overwritten after they were handed over arrive as they were',
    async (length) => {
      const scratch = new Uint8Array(length)
      const first = async (peer: Peer): Promise<void> => {
        const answers = Array.from({ length: 8 }, (_, n) => {
          scratch.fill(n + 1)
          return peer.call<Uint8Array>('echo', scratch)
        })
        scratch.fill(0)
        const seen = (await Promise.all(answers)).map((bytes) => [bytes.length, bytes[0], bytes.at(-1)])
        expect(seen).toEqual(answers.map((_, n) => [length, n + 1, n + 1]))
      }
      for (const peer of [a, b]) {
        const reply = new Uint8Array(length)
        // The answer is an array that the handler uses for the next one too.
        peer.handle('echo', (bytes: Uint8Array) => {
          reply.set(bytes)
          return reply
        })
        peer.handle('items', async function* () {
          const item = new Uint8Array(length)
          for (let n = 1; n <= 8; n++) {
            item.fill(n)
            yield item
          }
          item.fill(0)
        })
        peer.accept('feed', async (channel) => {
          const item = new Uint8Array(length)
          for (let n = 1; n <= 8; n++) {
            item.fill(n)
            const sent = channel.send(item)
            item.fill(0)
            await sent
          }
        })
      }
      await within(Promise.all([first(a), first(b)]), 'answers')
      for (const peer of [a, b]) {
        const items = await within(collect(peer.stream<Uint8Array>('items')), 'items')
        const fed = await within(collect<Uint8Array>(peer.open<Uint8Array>('feed')), 'messages')
        for (const got of [items, fed]) {
          expect(got.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)])).toEqual(
            Array.from({ length: 8 }, (_, n) => [length, n + 1, n + 1]),
          )
        }
      }
    },
  )

  it('what is received is the program’s own: nothing that comes later changes it', async () => {
    b.handle('echo', (bytes: Uint8Array) => bytes)
    const kept: { bytes: Uint8Array; was: string }[] = []
    const sizes = [40, 3_000, 15_000, 60_000, 90_000]
    const run = async (worker: number): Promise<void> => {
      for (let n = 0; n < 30; n++) {
        const sent = randomBytes(sizes[(worker + n) % sizes.length] as number)
        const was = digest(sent)
        const bytes = await a.call<Uint8Array>('echo', sent)
        expect(digest(bytes)).toBe(was)
        kept.push({ bytes, was })
      }
    }
    await within(Promise.all(Array.from({ length: 16 }, (_, worker) => run(worker))), 'answers')
    expect(kept.filter(({ bytes, was }) => digest(bytes) !== was)).toEqual([])
    for (const peer of [a, b]) expect(peer.stats().spareBytes).toBeLessThanOrEqual(4 * 1_024 * 1_024)
    // Only a socket says when it is done with what it was given.
    const isTold = scheme === 'tcp' || scheme === 'unix'
    if (isTold) expect(a.stats().spareBytes).toBeGreaterThan(0)
  })
})

describe('an answer that comes before its call was read', () => {
  /** A connection that keeps what it is given, and counts it, as a socket does whose other side does not read. */
  class StuckConnection implements Connection {
    readonly kind = 'byte'
    readonly url = 'stuck:'
    readonly returnsParts = true
    sink: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }
    readonly held: Uint8Array[] = []

    get bufferedBytes(): number {
      return this.held.length
    }

    write(parts: readonly Uint8Array[]): boolean {
      this.held.push(...parts)
      return true
    }

    end(): void {}

    destroy(): void {}
  }

  it('does not put the next call where that one still is: it could not be taken back', async () => {
    const connection = new StuckConnection()
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    a.connect(connection)
    await turn()
    connection.sink.onData(concat([preface(), hello({ entries: [entry(0x9c, 'raw')] })]))
    const mark = (value: number): Uint8Array => new Uint8Array(40_000).fill(value)
    for (let id = 1; id <= 5; id++) {
      const answer = a.call('echo', mark(id))
      await turn()
      connection.sink.onData(data({ chan: -id, flags: 0x05, payload: 'early' }))
      await within(answer, 'the answer')
    }
    const sent = concat(connection.held)
    const counts = [1, 2, 3, 4, 5].map((value) => sent.filter((byte) => byte === value).length >= 40_000)
    expect(counts).toEqual([true, true, true, true, true])
  })
})

describe('a connection that lies within a channel', () => {
  /** What is written is sent. */
  class Tunnel implements Connection {
    readonly kind = 'byte'
    readonly url = 'tunnel:'
    readonly #channel: PeerChannel<Uint8Array>
    #sink: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

    constructor(channel: PeerChannel<Uint8Array>) {
      this.#channel = channel
    }

    get sink(): ConnectionSink {
      return this.#sink
    }

    set sink(sink: ConnectionSink) {
      this.#sink = sink
      this.#channel.onMessage = (bytes) => sink.onData(bytes)
    }

    write(parts: readonly Uint8Array[]): boolean {
      for (const part of parts) this.#channel.send(part)
      return true
    }

    end(): void {
      this.#channel.end()
    }

    destroy(): void {
      this.#channel.reset()
    }
  }

  it.each([20_000, 66_000])(
    'carries messages of %i bytes that are sent in one turn as they are',
    async (length) => {
      const [inner, other] = [createPeer({ codec: 'raw' }), createPeer({ codec: 'raw' })]
      try {
        b.accept<Uint8Array>('tunnel', async (channel) => {
          await other.bind(new Tunnel(channel))
        })
        const { url } = await b.bind('tcp://127.0.0.1:0')
        await a.connect(url).ready
        await inner.connect(new Tunnel(a.open<Uint8Array>('tunnel'))).ready
        other.accept('feed', (channel) => {
          for (let n = 1; n <= 20; n++) channel.send(new Uint8Array(length).fill(n))
        })
        const got = await within(collect(inner.open<Uint8Array>('feed')), 'messages')
        expect(got.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)])).toEqual(
          Array.from({ length: 20 }, (_, n) => [length, n + 1, n + 1]),
        )
      } finally {
        await Promise.all([inner.close(), other.close()])
      }
    },
  )
})
