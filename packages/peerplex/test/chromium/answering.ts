/**
 * Owns: a worker whose peer 'worker' never answers some calls: at every port of a shared worker; at its own end of
 * the line when its URL says so; or else at the port that it is sent first, which it closes when it is told to.
 * Must not know: what is tested.
 */
import { createPeer } from 'peerplex'
import { sleep } from '../behaviour/tools.js'
import { type DomPort, worker } from './dom.js'

const peer = createPeer({ id: 'worker' })
peer.handle({
  pages: () =>
    peer
      .peers()
      .map(({ id }) => id)
      .sort(),
  hang: () => new Promise(() => {}),
  clock: async function* () {
    for (let i = 0; ; i++) {
      yield i
      await sleep(5)
    }
  },
})

if ('onconnect' in worker) {
  worker.onconnect = ({ ports: [port] }) => {
    if (port !== undefined) void peer.bind(port)
  }
} else if (worker.location.search === '?own') {
  void peer.bind(worker)
} else {
  worker.onmessage = ({ data }) => {
    const port = data as DomPort
    worker.onmessage = () => port.close()
    void peer.bind(port)
  }
}
