// Owns: the process of the listening peer: it listens, answers, and ends when it is told to. It never outlives the first.
// Must not know: what the first process asks and prints.
import { createPeer } from 'peerplex'
import { liveAsChild, tellParent } from '../child-life.js'
import { Service } from './service.js'

/** What it tells the first process. */
export interface PeersMessage {
  readonly kind: 'listening'
  /** With the real port. */
  readonly url: string
}

/** What it is told. */
export interface PeersOrder {
  readonly kind: 'end'
}

/** Runs until it is told to end; resolves with the exit code. Needs the IPC channel of `fork`. */
export async function runPeersListener(url: string): Promise<number> {
  const peer = createPeer({ id: 'listener', onError: complain })
  try {
    return await liveAsChild(async () => {
      const isToEnd = untilOrder()
      new Service(peer)
      const listener = await peer.bind(url)
      tellListening({ kind: 'listening', url: listener.url })
      await isToEnd
      await peer.drain({ graceMs: 1_000 })
    })
  } finally {
    // Also when the first process is gone: a socket file is not to stay.
    await peer.close()
  }
}

function untilOrder(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (message) => {
      if ((message as PeersOrder).kind === 'end') resolve()
    })
  })
}

function tellListening(message: PeersMessage): void {
  tellParent(message)
}

function complain(error: unknown): void {
  process.stderr.write(`listener: ${error instanceof Error ? error.message : String(error)}\n`)
}
