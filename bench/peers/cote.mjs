// Owns: cote. It finds its peers by UDP broadcast, which is confined to this machine here.
// Payload: JSON of { id, msg }.

import { awaitTimes, SMALL_OBJECT } from '../interface.mjs'
import { load } from './load.mjs'

const DISCOVERY = { broadcast: '127.255.255.255', log: false, helloInterval: 200 }

async function loadCote() {
  const module = await load('cote')
  return module.default ?? module
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload: { awaits } }) {
  const { Responder } = await loadCote()
  // Nobody else's requester may find this one.
  const key = `bench-${process.pid}`
  const responder = new Responder({ name: 'bench', key }, DISCOVERY)
  responder.on('echo', (/** @type {any} */ request, /** @type {any} */ answer) => {
    if (awaits === 0) answer(null, request.message)
    else void awaitTimes(awaits).then(() => answer(null, request.message))
  })
  return { address: key }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(key) {
  const { Requester } = await loadCote()
  const requester = new Requester({ name: 'bench client', key }, DISCOVERY)
  await new Promise((resolve) => requester.once('cote:added', resolve))
  return {
    echo: (done) => {
      requester.send({ type: 'echo', message: SMALL_OBJECT }, done)
    },
  }
}
