/**
 * Owns: a flood of messages, a reader of it that stops again and again, and what a peer holds meanwhile: in Node and in pages.
 * Must not know: how much is right.
 */
import type { Peer } from '../../src/browser.js'

export interface Held {
  readonly maxBytes: number
  readonly sampleCount: number
}

/** Looks at what a peer holds for its only connection. */
export interface Gauge {
  look(peer: Peer): void
  held(): Held
}

export function makeGauge(): Gauge {
  let maxBytes = 0
  let sampleCount = 0
  return {
    look: (peer) => {
      const [connection] = peer.stats().connections
      if (connection === undefined) return
      const { unreadBytes, assemblingBytes, queuedOutputBytes, committedOutputBytes, transportBytes } =
        connection
      const bytes = unreadBytes + assemblingBytes + queuedOutputBytes + committedOutputBytes + transportBytes
      if (bytes > maxBytes) maxBytes = bytes
      sampleCount++
    },
    held: () => ({ maxBytes, sampleCount }),
  }
}

type Source = (count: number, bytes: number) => AsyncGenerator<Uint8Array>
type Reader = (messages: AsyncIterable<Uint8Array>) => Promise<number>

/** Numbered messages; looks whenever one is asked for. */
export function makeSource(peer: Peer, gauge: Gauge): Source {
  return async function* (count: number, bytes: number): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < count; i++) {
      const message = new Uint8Array(bytes)
      new DataView(message.buffer).setUint32(0, i)
      gauge.look(peer)
      yield message
    }
  }
}

/** Reads, stops after every hundred messages for as long as it takes to fill the window, and resolves with their number. */
export function makeReader(peer: Peer, gauge: Gauge): Reader {
  return async (messages: AsyncIterable<Uint8Array>): Promise<number> => {
    let count = 0
    for await (const message of messages) {
      const number = new DataView(message.buffer, message.byteOffset).getUint32(0)
      if (number !== count) throw new Error(`message ${number} came as ${count}`)
      count++
      gauge.look(peer)
      if (count % 100 !== 0) continue
      await new Promise((resolve) => setTimeout(resolve, 4))
      gauge.look(peer)
    }
    return count
  }
}
