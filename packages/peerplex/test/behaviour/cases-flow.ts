/**
 * Owns: cases about a reader that stops: what both sides hold is a window and a message at most, whenever
 * somebody looks.
 * Must not know: transports, realms.
 */
import type { BehaviourCase, Meeting, Stats } from './place.js'
import type { Drink, Memory } from './service.js'
import { check, equal, newMark, sleep, until } from './tools.js'

const WINDOW_BYTES = 540_672
const MESSAGE_BYTES = 16_384
/** Of codec and frames, for one message. */
const OVERHEAD_BYTES = 256
const BOUND_BYTES = WINDOW_BYTES + MESSAGE_BYTES + OVERHEAD_BYTES
/** Messages between two stops. */
const SIP = 100
const STILL_SAMPLES = 4

type Role = 'reader' | 'writer'

/** The most that one side ever held, and where. */
class Gauge {
  maxBytes = 0
  maxOf: Record<string, number> = {}
  sampleCount = 0

  add(role: Role, { connections: [connection] }: Stats): void {
    if (connection === undefined) throw new Error('the connection was lost')
    const { unreadBytes, assemblingBytes, queuedOutputBytes, committedOutputBytes, transportBytes } =
      connection
    const parts: Record<string, number> =
      role === 'reader'
        ? { unreadBytes, assemblingBytes }
        : { queuedOutputBytes, committedOutputBytes, transportBytes }
    const bytes = Object.values(parts).reduce((sum, part) => sum + part, 0)
    this.sampleCount++
    if (bytes <= this.maxBytes) return
    this.maxBytes = bytes
    this.maxOf = parts
  }

  /** Fails when it was too much; what it was otherwise. */
  check(role: Role): string {
    check(this.maxBytes > 0, `the ${role} never held anything in ${this.sampleCount} samples`)
    check(
      this.maxBytes <= BOUND_BYTES,
      `the ${role} held ${this.maxBytes} bytes of ${BOUND_BYTES}: ${JSON.stringify(this.maxOf)}`,
    )
    return `the ${role} held ${this.maxBytes} bytes at most, in ${this.sampleCount} samples`
  }
}

/** Looks at both sides, and again a little later, so many times. */
async function sample(
  { caller, other }: Meeting,
  count: number,
  ours: [Role, Gauge],
  theirs: [Role, Gauge],
): Promise<void> {
  for (let i = 0; i < count; i++) {
    if (i > 0) await sleep(1)
    ours[1].add(ours[0], caller.stats())
    theirs[1].add(theirs[0], await other.stats())
  }
}

async function* flood(count: number, given: { count: number }): AsyncGenerator<Uint8Array> {
  for (; given.count < count; given.count++) {
    const message = new Uint8Array(MESSAGE_BYTES)
    new DataView(message.buffer).setUint32(0, given.count)
    yield message
  }
}

export const FLOW_CASES: readonly BehaviourCase[] = [
  {
    name: 'a reader here that stops: bounded on both sides',
    run: async (stage) => {
      const meeting = await stage.meet()
      const { caller } = meeting
      const [reader, writer] = [new Gauge(), new Gauge()]
      const count = Math.ceil(stage.floodBytes / MESSAGE_BYTES)
      const stream = caller.stream<Uint8Array>('flood', { count, bytes: MESSAGE_BYTES })
      let read = 0
      for await (const message of stream) {
        const number = new DataView(message.buffer, message.byteOffset).getUint32(0)
        check(number === read, `message ${number} came as ${read}`)
        read++
        // While it goes on, and now and then while the reader stands still.
        const samples = read % SIP === 0 ? STILL_SAMPLES : read % 10 === 0 ? 1 : 0
        await sample(meeting, samples, ['reader', reader], ['writer', writer])
      }
      equal(read, count, 'messages')
      stage.note(`${reader.check('reader')}, ${writer.check('writer')}`)
      equal(await caller.call('add', [1, 2]), 3, 'the next call')
    },
  },
  {
    name: 'a reader there that stops: bounded on both sides',
    run: async (stage) => {
      const meeting = await stage.meet()
      const { caller } = meeting
      const [reader, writer] = [new Gauge(), new Gauge()]
      const count = Math.ceil(stage.floodBytes / MESSAGE_BYTES)
      const given = { count: 0 }
      const drink: Drink = { mark: newMark(), sip: SIP }
      let isOver = false
      let aheadCount = 0
      const memory = caller
        .call<Memory>('drink', flood(count, given), { headers: { 'x-drink': JSON.stringify(drink) } })
        .finally(() => {
          isOver = true
        })
      for (let stops = 1; !isOver; stops++) {
        await until(async () => {
          if (isOver) return true
          await sample(meeting, 1, ['writer', writer], ['reader', reader])
          return caller.call<boolean>('drink.isStill', drink.mark)
        }, 'the stop')
        if (isOver) break
        // The window fills up; other calls go on.
        await sample(meeting, STILL_SAMPLES, ['writer', writer], ['reader', reader])
        // Whatever the transport holds is among these.
        aheadCount = Math.max(aheadCount, given.count - stops * SIP)
        await caller.call('drink.on', drink.mark)
      }
      equal(await memory, { runs: 0, ends: 0, items: count, reasons: [], notes: [] }, 'what was read')
      equal(given.count, count, 'what was given')
      const allowedCount = WINDOW_BYTES / MESSAGE_BYTES + 1
      check(aheadCount > 0 && aheadCount <= allowedCount, `the writer was ${aheadCount} messages ahead`)
      stage.note(`${reader.check('reader')}, ${writer.check('writer')}`)
    },
  },
  {
    name: 'a reader that has stopped for good: nobody else waits, leaving frees everything',
    run: async (stage) => {
      const { caller, other } = await stage.meet()
      const stream = caller.stream<Uint8Array>('flood', { count: 10_000, bytes: MESSAGE_BYTES })
      await stream.next()
      const held = async (): Promise<number> => {
        let sum = 0
        for (const { connections } of [caller.stats(), await other.stats()]) {
          for (const c of connections) {
            sum += c.unreadBytes + c.assemblingBytes + c.queuedOutputBytes + c.committedOutputBytes
            sum += c.transportBytes
          }
        }
        return sum
      }
      let before = -1
      for (let quiet = 0; quiet < 5; ) {
        const now = await held()
        quiet = now === before ? quiet + 1 : 0
        before = now
        await sleep(5)
      }
      check(before > 0 && before <= 2 * BOUND_BYTES, `${before} bytes are held`)
      for (let i = 0; i < 50; i++) equal(await caller.call('add', [i, 1]), i + 1, 'a call beside it')
      await stream.return()
      await until(async () => (await held()) === 0, 'nothing held')
    },
  },
]
