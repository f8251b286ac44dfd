/**
 * Owns: what happens within one page when the other end of a port or worker is gone without a word: run in the page, told as data.
 * Must not know: who asks.
 */
import type * as Peerplex from '../../src/browser.js'
import { type DomWorker, page } from './dom.js'

type Library = typeof Peerplex

/** What became of calls that were under way. */
export interface Loss {
  /** Code and delivery of each, or what it resolved with. */
  readonly calls: readonly string[]
  readonly hints: readonly boolean[]
  /** Why the connection ended, as the event 'disconnect' says. */
  readonly reason: string
  /** State of the link afterwards. */
  readonly link: string
  /** The other connection of the same peer still answers. */
  readonly other: unknown
}

/** An answering worker that is terminated in the middle of calls. */
export function terminateWorker(library: Library): Promise<Loss> {
  const worker = new page.Worker('/answering.js?own')
  return lose(library, worker, () => worker.terminate())
}

/** A port whose other end is in a worker that is terminated. */
export function terminatePortHolder(library: Library): Promise<Loss> {
  const worker = new page.Worker('/answering.js')
  return lose(library, portTo(worker), () => worker.terminate())
}

/** A port that the program at the other end closes. */
export function closePort(library: Library): Promise<Loss> {
  const worker = new page.Worker('/answering.js')
  return lose(library, portTo(worker), () => worker.postMessage('close', []))
}

function portTo(worker: DomWorker): object {
  const { port1, port2 } = new page.MessageChannel()
  worker.postMessage(port2, [port2])
  return port1
}

async function lose(library: Library, target: object, cut: () => void): Promise<Loss> {
  const peer = library.createPeer({ id: 'page', limits: { idleTimeoutMs: 1_000 } })
  try {
    // First of all: what a worker says before somebody listens is lost.
    const link = peer.connect(target)
    const { port1, port2 } = new page.MessageChannel()
    const neighbour = library.createPeer({ id: 'neighbour' })
    neighbour.handle('add', ([a, b]: [number, number]) => a + b)
    await Promise.all([neighbour.bind(port2), peer.connect(port1).ready])
    await link.ready
    const reason = new Promise<string>((resolve) => {
      peer.on('disconnect', ({ reason }) => resolve(String(reason)))
    })
    const clock = peer.stream('clock', undefined, { to: 'worker' })
    await clock.next()
    const calls = [
      peer.call('hang', undefined, { to: 'worker' }),
      peer.call('hang', undefined, { to: 'worker' }),
      readAll(clock),
    ]
    cut()
    const outcomes = await Promise.all(calls.map(outcomeOf))
    const result = {
      calls: outcomes.map(({ text }) => text),
      hints: outcomes.map(({ hasHint }) => hasHint),
      reason: await reason,
      link: link.state,
      other: await peer.call('add', [20, 22], { to: 'neighbour' }),
    }
    await neighbour.close()
    return result
  } finally {
    await peer.close()
  }
}

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

async function outcomeOf(call: Promise<unknown>): Promise<{ text: string; hasHint: boolean }> {
  return call.then(
    (value) => ({ text: `resolved with ${value}`, hasHint: false }),
    ({ code, delivery, hint }) => ({
      text: `${code} ${delivery}`,
      hasHint: typeof hint === 'string' && hint !== '',
    }),
  )
}
