/**
 * Owns: a worker or shared worker with answering peers, told over a port of its own what to do; 'own' as target is its own end of the
 * line to the page.
 * Must not know: what is tested.
 */
import { CallError, createPeer } from 'peerplex'
import { localHost } from '../behaviour/callee.js'
import { Exchange, hostAnswerer } from '../behaviour/line.js'
import type { CalleeTarget } from '../behaviour/place.js'
import { type DomPort, worker } from './dom.js'
import { portLine } from './lines.js'

function serve(port: DomPort, own: object): void {
  const host = localHost({ createPeer, CallError })
  const named = (target: CalleeTarget): CalleeTarget => {
    if ('bind' in target) return target.bind === 'own' ? { bind: own } : target
    return target.connect === 'own' ? { connect: own } : target
  }
  const startCallee: typeof host.startCallee = (options, target) => host.startCallee(options, named(target))
  new Exchange(portLine(port), hostAnswerer({ startCallee }))
}

if ('onconnect' in worker) {
  // The first line is for a peer, the second for questions: who can ask has brought both.
  let own: DomPort | undefined
  worker.onconnect = ({ ports: [port] }) => {
    if (port === undefined) return
    if (own === undefined) own = port
    else serve(port, own)
  }
} else {
  worker.onmessage = ({ data }) => {
    // What comes later is for the peer.
    worker.onmessage = null
    serve(data as DomPort, globalThis)
  }
}
