// Owns: Moleculer with its TCP transporter; discovery by UDP is off, the address is given.
// Payload: JSON of { id, msg }.

import { awaitTimes, SMALL_OBJECT } from '../interface.mjs'
import { load } from './load.mjs'

/**
 * @param {string} nodeID
 * @param {object} options
 */
async function createBroker(nodeID, options) {
  const module = await load('moleculer')
  const { ServiceBroker } = module.default ?? module
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, useHostname: false, ...options } },
  })
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload: { awaits } }) {
  const broker = await createBroker('bench-server', {})
  broker.createService({
    name: 'bench',
    actions: {
      async echo(/** @type {any} */ context) {
        if (awaits > 0) await awaitTimes(awaits)
        return context.params
      },
    },
  })
  await broker.start()
  const { nodes } = broker.registry
  return { address: nodes.localNode.port }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(port) {
  const broker = await createBroker('bench-client', { urls: [`127.0.0.1:${port}/bench-server`] })
  await broker.start()
  await broker.waitForServices('bench', 20_000)
  return {
    echo: (done) => {
      broker.call('bench.echo', SMALL_OBJECT).then((/** @type {unknown} */ reply) => done(null, reply), done)
    },
  }
}
