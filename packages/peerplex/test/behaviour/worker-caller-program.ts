/**
 * Owns: a worker thread in which the cases run; the answering peers are in the thread that started it.
 * Must not know: cases, one by one.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { CASES } from './cases.js'
import { Exchange, remoteHost, runnerAnswerer } from './line.js'
import { createPlace, type Introduction, introduceByPort } from './meet.js'
import { LIBRARY, nodeLine, ONCE } from './node-places.js'
import type { CalleeHost, Side } from './place.js'
import { CaseRunner } from './runner.js'

const { line, side, floodBytes } = workerData as { line: MessagePort; side: Side; floodBytes: number }
const parent = parentPort as MessagePort
let isParentFree = true
/** What waits until the other thread listens. */
let bindParent: () => Promise<unknown> = async () => {}

const place = createPlace({
  transport: 'worker, the caller in it',
  side,
  library: LIBRARY,
  introduce: () => {
    const host = remoteHost(exchange)
    // It carries one connection; the others have a port that is sent over.
    if (isParentFree) {
      isParentFree = false
      return introduceByParent(host)
    }
    const { port1, port2 } = new MessageChannel()
    return introduceByPort(side, host, { ours: port1, theirs: port2 })
  },
  missing: { restart: ONCE },
})

function introduceByParent(host: CalleeHost): Introduction {
  if (side === 'dialing') {
    return {
      host,
      calleeTarget: async () => ({ bind: 'worker' }),
      dial: (caller) => caller.connect(parent).ready,
    }
  }
  return {
    host,
    calleeTarget: async (caller) => {
      bindParent = () => caller.bind(parent)
      return { connect: 'worker' }
    },
    dial: async () => {},
  }
}

const answerCase = runnerAnswerer(new CaseRunner(place, { floodBytes }), CASES)
const exchange: Exchange = new Exchange(nodeLine(line), async (name, input) => {
  if (name !== 'bind') return answerCase(name, input)
  await bindParent()
  return null
})
