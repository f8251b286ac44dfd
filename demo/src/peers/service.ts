// Owns: what the listening peer answers.
// Must not know: how the dialing peer judges the answers; processes and addresses.
import type { Context, Peer, RemotePeer } from 'peerplex'
import { receiveFiles } from './file-channel.js'

/** What the listening peer says about calls that it made itself. */
export interface CallsBack {
  readonly rightCount: number
  readonly connectionCount: number
}

/** What became of the streams that nobody wanted any more. */
export interface Endings {
  /** Handlers whose signal was aborted. */
  readonly abortedCount: number
  /** Generators that have run their `finally`. */
  readonly cleanedCount: number
}

/** Input of `flow.blocks`. */
export interface BlockOrder {
  readonly blockCount: number
  readonly blockBytes: number
}

export interface NumbersSum {
  readonly sum: number
  readonly count: number
}

/** Both peers answer this: whoever listens and whoever dials is no difference. */
export function double(value: number): number {
  return 2 * value
}

/** A block that differs from all others, so that a lost or repeated one shows. */
export function blockOf(index: number, blockBytes: number): Uint8Array {
  const block = new Uint8Array(blockBytes).fill(index)
  new DataView(block.buffer).setUint32(0, index)
  return block
}

export class Service {
  readonly #peer: Peer
  #producedCount = 0
  #abortedCount = 0
  #cleanedCount = 0
  #heldCount = 0
  /** Lets all held calls go. */
  #release: () => void = () => {}
  #isReleased: Promise<void> = Promise.resolve()

  constructor(peer: Peer) {
    this.#peer = peer
    peer.handle({
      'math.add': ([a, b]: [number, number]) => a + b,
      'math.double': double,
      'math.sum': sumOf,
      'process.id': () => process.pid,
      'calls.back': (count: number, ctx) => this.#callBack(count, ctx.remote),
      'calls.hold': (input: { value: number; totalCount: number }) =>
        this.#hold(input.value, input.totalCount),
      'flow.blocks': (order: BlockOrder) => this.#blocks(order),
      'flow.produced': () => this.#producedCount,
      'endless.count': (_input, ctx) => this.#countEndlessly(ctx),
      'endless.endings': (): Endings => ({
        abortedCount: this.#abortedCount,
        cleanedCount: this.#cleanedCount,
      }),
    })
    receiveFiles(peer)
  }

  /** Every other call goes to the peer that asked, the rest to the first that is known: they are the same. */
  async #callBack(count: number, asker: RemotePeer): Promise<CallsBack> {
    const calls = Array.from({ length: count }, async (_, value) => {
      const remote = value % 2 === 0 ? asker : this.#peer.peers()[0]
      return (await remote?.call('math.double', value)) === 2 * value
    })
    const rightCount = (await Promise.all(calls)).filter((isRight) => isRight).length
    return { rightCount, connectionCount: this.#peer.stats().connections.length }
  }

  /** Nobody gets an answer before the last of them has asked. */
  async #hold(value: number, totalCount: number): Promise<number> {
    if (this.#heldCount === 0) {
      this.#isReleased = new Promise((resolve) => {
        this.#release = resolve
      })
    }
    this.#heldCount++
    if (this.#heldCount === totalCount) this.#release()
    await this.#isReleased
    return double(value)
  }

  async *#blocks({ blockCount, blockBytes }: BlockOrder): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < blockCount; index++) {
      this.#producedCount++
      yield blockOf(index, blockBytes)
    }
  }

  async *#countEndlessly({ signal }: Context): AsyncGenerator<number> {
    signal.addEventListener('abort', () => {
      this.#abortedCount++
    })
    try {
      for (let count = 0; ; count++) yield count
    } finally {
      this.#cleanedCount++
    }
  }
}

async function sumOf(numbers: AsyncIterable<number>): Promise<NumbersSum> {
  let sum = 0
  let count = 0
  for await (const number of numbers) {
    sum += number
    count++
  }
  return { sum, count }
}
