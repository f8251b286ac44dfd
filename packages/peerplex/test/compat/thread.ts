/**
 * Owns: answering peers in threads: one thread each, started for it and ended with it; the connection goes over the worker
 * itself, what is told from outside over a port beside it.
 * Must not know: what is tested.
 */
import { MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import { localHost } from '../behaviour/callee.js'
import { Exchange, hostAnswerer, type Line, remoteHost } from '../behaviour/line.js'
import { createPlace, type Introduction } from '../behaviour/meet.js'
import type { CalleeHost, CalleeTarget, Library, Place, Side } from '../behaviour/place.js'

/** Why an answering peer at the end of a port does not come back. */
export const ONCE = 'a port or worker carries one connection: whoever restarts needs a new one'

/** What a thread calls its own end of the worker. */
const OWN = 'own'

interface Beside {
  readonly questions: MessagePort
}

/** Cases with the answering peer in a thread that runs `file`. */
export function threadPlace(library: Library, file: URL, side: Side): Place {
  return createPlace({
    transport: 'worker',
    side,
    library,
    introduce: () => introduceThread(file, side),
    missing: { restart: ONCE },
  })
}

/** For a program that is a thread: does what the place above asks for. */
export function serveThread(library: Library): void {
  const host = localHost(library)
  const startCallee: CalleeHost['startCallee'] = (options, target) =>
    host.startCallee(options, withOwnEnd(target))
  const { questions } = workerData as Beside
  new Exchange(portLine(questions), hostAnswerer({ startCallee }))
}

function withOwnEnd(target: CalleeTarget): CalleeTarget {
  const own = parentPort ?? {}
  if ('bind' in target) return target.bind === OWN ? { bind: own } : target
  return target.connect === OWN ? { connect: own } : target
}

/** The caller comes first on either side: what a worker says before somebody listens is lost. */
function introduceThread(file: URL, side: Side): Introduction {
  const { port1, port2 } = new MessageChannel()
  const beside: Beside = { questions: port2 }
  const worker = new Worker(file, { workerData: beside, transferList: [port2] })
  // The peer is told of a crash itself; without a listener Node would end the process.
  worker.on('error', () => {})
  const host = endingWith(remoteHost(new Exchange(portLine(port1))), worker)
  if (side === 'listening') {
    return {
      host,
      calleeTarget: async (caller) => {
        await caller.bind(worker)
        return { connect: OWN }
      },
      dial: async () => {},
    }
  }
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

/** The thread ends with its only answering peer. */
function endingWith(host: CalleeHost, worker: Worker): CalleeHost {
  return {
    startCallee: async (options, target) => {
      const side = await host.startCallee(options, target)
      let reported: readonly string[] | null = null
      const close = async (): Promise<void> => {
        if (reported !== null) return
        reported = await side.reported()
        await side.close()
        await worker.terminate()
      }
      return { ...side, reported: async () => reported ?? side.reported(), close }
    },
  }
}

function portLine(port: MessagePort): Line {
  const line: Line = {
    send: (message) => port.postMessage(message),
    onMessage: () => {},
  }
  port.on('message', (message: unknown) => line.onMessage(message))
  return line
}
