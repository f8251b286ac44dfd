// Owns: calls in a closed loop: as soon as one is answered, the next one goes out.
// Must not know: which side it runs on, how long.

/**
 * @param {import('../interface.mjs').Echo} echo
 * @param {number} inFlight
 * @param {(error: unknown) => void} onError
 * @returns {{ count: number }} grows
 */
export function closedLoop(echo, inFlight, onError) {
  const loop = { count: 0 }
  /** @type {import('../interface.mjs').Done} */
  const done = (error) => {
    if (error !== null && error !== undefined) return onError(error)
    loop.count++
    echo(done)
  }
  for (let n = 0; n < inFlight; n++) echo(done)
  return loop
}

/**
 * @param {import('../interface.mjs').Echo} echo
 * @returns {Promise<unknown>} what came back
 */
export function callOnce(echo) {
  return new Promise((resolve, reject) => {
    echo((error, reply) => {
      if (error !== null && error !== undefined) reject(error)
      else resolve(reply)
    })
  })
}
