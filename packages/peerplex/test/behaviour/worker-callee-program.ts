/**
 * Owns: a worker thread in which answering peers are started; 'parent' as target is its parentPort.
 * Must not know: cases.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { localHost } from './callee.js'
import { Exchange, hostAnswerer } from './line.js'
import { LIBRARY, nodeLine } from './node-places.js'
import type { CalleeHost, CalleeTarget } from './place.js'

const line = workerData.line as MessagePort
const host = localHost(LIBRARY)
const inWorker: CalleeHost = {
  startCallee: (options, target) => host.startCallee(options, ownTarget(target)),
}
new Exchange(nodeLine(line), hostAnswerer(inWorker))

function ownTarget(target: CalleeTarget): CalleeTarget {
  const parent = parentPort as MessagePort
  if ('bind' in target) return target.bind === 'parent' ? { bind: parent } : target
  return target.connect === 'parent' ? { connect: parent } : target
}
