// Owns: ports for who has to come back to the same one.
// Must not know: who.

import { createServer } from 'node:net'

/** Below the ports that systems give to who asks for any, so that nobody else gets one while its owner is away. */
const PORTS = { min: 10_240, max: 32_000 }

/** One on which nobody listens. @param {import('./chance.mjs').Chance} chance not from the seed of a run: two with the same may go on at once */
export async function freePort(chance) {
  for (;;) {
    const port = chance.int(PORTS.min, PORTS.max)
    if (await isFree(port)) return port
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
