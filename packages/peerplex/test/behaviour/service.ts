/**
 * Owns: what every answering peer can do, in whatever realm it runs, and what it remembers of that for the
 * case that asks.
 * Must not know: which case asks, where the caller is.
 */
import type { Handler, Peer, PeerChannel } from '../../src/browser.js'
import type { Library } from './place.js'
import { checksum, collect, Gate, pattern, sleep, upTo } from './tools.js'

/** What is remembered under a mark: a string that a case makes up, so that it asks only about itself. */
export interface Memory {
  /** How many handlers began. */
  runs: number
  /** How many of them have ended, in whatever way. */
  ends: number
  /** How many items or messages they have taken or given. */
  items: number
  /** The code or message of what aborted their signals or ended their channels. */
  reasons: string[]
  notes: unknown[]
}

/** Which kind of failure `fail` gives. */
type Failure = 'CallError' | 'Error' | 'later' | 'nothing' | 'unsendable'

/** How `drink` reads: so many messages, then it stops until `drink.on` is called. */
export interface Drink {
  readonly mark: string
  readonly sip: number
}

/** How `flood` gives: so many messages of that size. */
interface Flood {
  readonly count: number
  readonly bytes: number
}

/** How `hang` behaves. */
interface Hang {
  readonly mark: string
  /** The service hangs before its so-manieth restart only; without, always. */
  readonly before?: number
}

/** `generation`: how often the peer was restarted. */
export function installService(peer: Peer, { CallError }: Library, generation: number): void {
  const service = new Service(generation)
  peer.handle({
    ...service.values(peer.id),
    ...service.streams(),
    ...service.endless(),
    ...service.failures(CallError),
    ...service.back(peer),
  })
  service.accept(peer)
}

class Service {
  readonly #generation: number
  readonly #memories = new Map<string, Memory>()
  readonly #sips = new Map<string, Gate>()

  constructor(generation: number) {
    this.#generation = generation
  }

  values(id: string): Record<string, Handler> {
    return {
      add: ([a, b]: [number, number]) => a + b,
      echo: (input: unknown) => input,
      nothing: () => {},
      id: () => id,
      generation: () => this.#generation,
      work: ({ mark }: { mark: string }) => {
        this.#memory(mark).runs++
        return id
      },
      memory: (mark: string) => this.#memory(mark),
      note: ({ mark, note }: { mark: string; note: unknown }) => {
        this.#memory(mark).notes.push(note)
      },
      digest: (bytes: Uint8Array) => ({ length: bytes.length, checksum: checksum(bytes) }),
      blob: ({ count, seed }: { count: number; seed: number }) => pattern(count, seed),
      headers: (_input, ctx) => {
        ctx.replyHeaders.set('x-reply', ctx.headers.get('x-ask') ?? 'none')
        ctx.replyTrailers.set('x-trailer', 'the end')
        return ctx.headers.getAll('x-many')
      },
      time: (_input, ctx) => ctx.timeRemainingMs,
    }
  }

  streams(): Record<string, Handler> {
    return {
      ticks: ({ n }: { n: number }) => upTo(n),
      sum: async (numbers: AsyncIterable<number>) => {
        let sum = 0
        for await (const number of numbers) sum += number
        return sum
      },
      chat: async function* (lines: AsyncIterable<string>, ctx) {
        ctx.replyHeaders.set('x-lines', 'upper case')
        let count = 0
        for await (const line of lines) {
          count++
          yield line.toUpperCase()
        }
        ctx.replyTrailers.set('x-count', `${count}`)
      },
      // Answers as often as it is asked to, while its input goes on.
      first: async (items: AsyncIterable<unknown>) => {
        for await (const item of items) return item
        return null
      },
      flood: async function* ({ count, bytes }: Flood) {
        for (let i = 0; i < count; i++) {
          const message = new Uint8Array(bytes)
          new DataView(message.buffer).setUint32(0, i)
          yield message
        }
      },
      drink: async (messages: AsyncIterable<unknown>, ctx) => {
        const { mark, sip } = JSON.parse(ctx.headers.get('x-drink') ?? '{}') as Drink
        const memory = this.#memory(mark)
        for await (const message of messages) {
          const bytes = message as Uint8Array
          const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
          if (number !== memory.items) memory.reasons.push(`${number} came as ${memory.items}`)
          memory.items++
          if (memory.items % sip === 0) {
            const gate = new Gate()
            this.#sips.set(mark, gate)
            await gate.opened
          }
        }
        return memory
      },
      'drink.isStill': (mark: string) => this.#sips.has(mark),
      'drink.on': (mark: string) => {
        this.#sips.get(mark)?.open()
        this.#sips.delete(mark)
      },
    }
  }

  /** What goes on until somebody ends it, and remembers how it was ended. */
  endless(): Record<string, Handler> {
    return {
      hang: async ({ mark, before }: Hang, ctx) => {
        if (before !== undefined && this.#generation >= before) return this.#generation
        const memory = this.#memory(mark)
        memory.runs++
        await aborted(ctx.signal)
        memory.reasons.push(reasonOf(ctx.signal))
        memory.ends++
        throw ctx.signal.reason
      },
      clock: ({ mark }: { mark: string }, ctx) => this.#clock(mark, ctx.signal),
      swallow: async (items: AsyncIterable<unknown>, ctx) => {
        const memory = this.#memory(ctx.headers.get('x-mark') ?? '')
        memory.runs++
        let count = 0
        try {
          for await (const _ of items) {
            memory.items++
            count++
          }
        } catch (error) {
          memory.reasons.push((error as { code?: string }).code ?? String(error))
          throw error
        } finally {
          memory.ends++
        }
        return count
      },
      // Gives and takes without an end.
      mirror: (items: AsyncIterable<unknown>, ctx) =>
        this.#mirror(ctx.headers.get('x-mark') ?? '', items, ctx.signal),
      slow: async ({ mark, ms }: { mark: string; ms: number }) => {
        this.#memory(mark).runs++
        await sleep(ms)
        this.#memory(mark).ends++
        return 'done'
      },
    }
  }

  failures(CallError: Library['CallError']): Record<string, Handler> {
    return {
      fail: async (how: Failure) => {
        if (how === 'later') await sleep(1)
        if (how === 'nothing') throw undefined
        if (how === 'unsendable') return { f: () => {} }
        if (how === 'Error') throw new TypeError('not today')
        throw new CallError('NOT_FOUND', 'no such user', {
          hint: 'ask for another one',
          details: { id: 7, tags: ['a', 'b'] },
        })
      },
      'fail.after': async function* (count: number) {
        yield* upTo(count)
        throw new CallError('DATA_LOSS', 'it broke off', { details: { at: count } })
      },
    }
  }

  /** What turns to the peer that asks. */
  back(peer: Peer): Record<string, Handler> {
    return {
      'back.call': async ({ name, input, count }: { name: string; input: unknown; count: number }, ctx) =>
        Promise.all(Array.from({ length: count }, () => ctx.remote.call(name, input))),
      'back.stream': ({ name, input }: { name: string; input: unknown }, ctx) =>
        ctx.remote.stream(name, input),
      'back.sum': ({ name, n }: { name: string; n: number }, ctx) => ctx.remote.call(name, upTo(n)),
      'back.notify': ({ name, input }: { name: string; input: unknown }, ctx) =>
        ctx.remote.notify(name, input),
      // Gives up a call to the asker, and tells how it failed.
      'back.abort': async ({ name, input }: { name: string; input: unknown }, ctx) => {
        const controller = new AbortController()
        const failing = ctx.remote.call(name, input, { signal: controller.signal })
        setTimeout(() => controller.abort(new Error('changed my mind')), 20)
        return failing.then(
          () => 'resolved',
          (error: Error) => error.message,
        )
      },
      'back.fails': async ({ name, input }: { name: string; input: unknown }, ctx) =>
        ctx.remote.call(name, input).then(
          () => 'resolved',
          ({ code, message, delivery, details }) => ({ code, message, delivery, details }),
        ),
      'back.open': async ({ name, lines }: { name: string; lines: string[] }) => {
        const channel = peer.open<string>(name, { headers: { 'x-ask': 'back' } })
        for (const line of lines) await channel.send(line)
        channel.end()
        const answers = await collect(channel)
        const { code, trailers } = await channel.closed
        return { answers, code, count: trailers.get('x-count') }
      },
    }
  }

  /** Channels, below calls. */
  accept(peer: Peer): void {
    peer.accept('channel.echo', async (channel) => {
      let count = 0
      for await (const message of channel) {
        await channel.send(message)
        count++
      }
      channel.end({ 'x-count': `${count}` })
    })
    // Says something with headers, ends, and goes on reading.
    peer.accept('channel.speak', async (channel) => {
      const memory = this.#memoryOf(channel)
      await channel.send('first', { headers: { 'x-first': channel.headers.get('x-ask') ?? 'none' } })
      await channel.send('second')
      channel.end({ 'x-said': '2' })
      for await (const message of channel) memory.notes.push(message)
      memory.ends++
    })
    // Reads to the end, and only then answers.
    peer.accept('channel.listen', async (channel) => {
      const heard = await collect(channel)
      await channel.send(heard.length)
      for (const message of heard) await channel.send(message)
      channel.end({ 'x-heard': `${heard.length}` })
    })
    // Sends as long as somebody wants it, then reads.
    peer.accept('channel.talk', async (channel) => {
      const memory = this.#memoryOf(channel)
      while (channel.writable) {
        await channel.send(memory.items++)
        await sleep(1)
      }
      for await (const message of channel) memory.notes.push(message)
      memory.ends++
    })
    // Takes three messages, then wants no more, and says so.
    peer.accept('channel.enough', async (channel) => {
      let count = 0
      for await (const _ of channel) if (++count === 3) break
      await channel.send('enough')
      channel.end()
    })
    peer.accept('channel.hold', async (channel) => {
      const memory = this.#memoryOf(channel)
      memory.runs++
      const { code } = await channel.closed
      memory.reasons.push(code)
      memory.ends++
    })
    peer.accept('channel.reset', (channel) => channel.reset('ABORTED'))
    // An answer that is no msgpack, which only bytes below the codec can be.
    peer.accept('broken', (channel) => channel.join(new Bytes([Uint8Array.of(0xc1)])))
  }

  async *#clock(mark: string, signal: AbortSignal): AsyncGenerator<number> {
    const memory = this.#memory(mark)
    memory.runs++
    signal.addEventListener('abort', () => memory.reasons.push(reasonOf(signal)))
    try {
      for (;;) {
        yield memory.items++
        await sleep(1)
      }
    } finally {
      memory.ends++
    }
  }

  async *#mirror(mark: string, items: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<unknown> {
    const memory = this.#memory(mark)
    memory.runs++
    signal.addEventListener('abort', () => memory.reasons.push(reasonOf(signal)))
    try {
      for await (const item of items) yield item
    } finally {
      memory.ends++
    }
  }

  #memoryOf(channel: PeerChannel): Memory {
    return this.#memory(channel.headers.get('x-mark') ?? '')
  }

  #memory(mark: string): Memory {
    let memory = this.#memories.get(mark)
    if (memory === undefined) {
      memory = { runs: 0, ends: 0, items: 0, reasons: [], notes: [] }
      this.#memories.set(mark, memory)
    }
    return memory
  }
}

/** What `join` takes: writes the given pieces, and takes no notice of what comes. */
export class Bytes {
  readonly #pieces: Uint8Array[]
  readonly #listeners = new Map<string, (argument: unknown) => void>()

  constructor(pieces: Uint8Array[]) {
    this.#pieces = pieces
  }

  on(event: string, listener: (argument: unknown) => void): void {
    this.#listeners.set(event, listener)
    if (event === 'data') queueMicrotask(() => this.#flow())
  }

  write(): boolean {
    return true
  }

  end(): void {}

  pause(): void {}

  resume(): void {}

  destroy(): void {}

  #flow(): void {
    for (const piece of this.#pieces) this.#listeners.get('data')?.(piece)
    this.#listeners.get('end')?.(undefined)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })
}

function reasonOf({ reason }: AbortSignal): string {
  return (reason as { code?: string } | undefined)?.code ?? String(reason)
}
