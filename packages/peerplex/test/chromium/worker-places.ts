/**
 * Owns: where the cases run between a page and its workers: over a worker itself, over a shared one, over a port that was sent to one.
 * Must not know: what is tested.
 */
import { Exchange, type Line, remoteHost } from '../behaviour/line.js'
import { createPlace, type Introduction, introduceByPort } from '../behaviour/meet.js'
import type { CalleeHost, Library, Place } from '../behaviour/place.js'
import { type DomWorker, page } from './dom.js'
import { portLine } from './lines.js'

const SCRIPT = '/worker.js'
/** What a worker calls its own end of the line to the page. */
const OWN = 'own'
/** Why an answering peer at the end of a port does not come back. */
const ONCE = 'a port or worker is one connection, it is not made again'

/** A worker for each answering peer. */
export function workerPlace(transport: string, library: Library): Place {
  const workers: DomWorker[] = []
  return createPlace({
    transport,
    side: 'dialing',
    library,
    introduce: () => {
      const worker = new page.Worker(SCRIPT)
      workers.push(worker)
      return introduceWorker(worker, remoteHost(new Exchange(lineTo(worker))))
    },
    missing: { restart: ONCE },
    close: async () => {
      for (const worker of workers) worker.terminate()
    },
  })
}

/** A shared worker for each answering peer, under a name of its own; it ends with the page. */
export function sharedWorkerPlace(transport: string, library: Library): Place {
  let count = 0
  return createPlace({
    transport,
    side: 'dialing',
    library,
    introduce: () => {
      const name = `shared-${count++}`
      const ours = new page.SharedWorker(SCRIPT, { name })
      const { port } = new page.SharedWorker(SCRIPT, { name })
      return introduceByPort('dialing', remoteHost(new Exchange(portLine(port))), { ours, theirs: OWN })
    },
    missing: { restart: ONCE },
  })
}

/** All answering peers in one worker, each at the end of a port that is sent there. */
export function portPlace(transport: string, library: Library): Place {
  const worker = new page.Worker(SCRIPT)
  const host = remoteHost(new Exchange(lineTo(worker)))
  return createPlace({
    transport,
    side: 'dialing',
    library,
    introduce: () => {
      const { port1: ours, port2: theirs } = new page.MessageChannel()
      return introduceByPort('dialing', host, { ours, theirs })
    },
    missing: { restart: ONCE },
    close: async () => worker.terminate(),
  })
}

/** The caller comes first: what a worker says before somebody listens is lost. */
function introduceWorker(worker: DomWorker, host: CalleeHost): Introduction {
  let isReady: Promise<unknown> = Promise.resolve()
  return {
    host,
    calleeTarget: async (caller) => {
      isReady = caller.connect(worker).ready
      // It is looked at in `dial`, or never.
      isReady.catch(() => {})
      return { bind: OWN }
    },
    dial: async () => {
      await isReady
    },
  }
}

/** A line beside the one for the peer. */
function lineTo(worker: DomWorker): Line {
  const { port1, port2 } = new page.MessageChannel()
  worker.postMessage(port2, [port2])
  return portLine(port1)
}
