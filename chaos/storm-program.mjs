// `node chaos/storm-program.mjs [--peers N] [--away-ms N] [--no-jitter] [--virtual] [--seed N]`: the reconnect storm, and whether it stays within its bounds. Exit 0 / 1 / 2.

import { parseArgs } from 'node:util'
import { storm } from './storm.mjs'
import { virtualStorm } from './virtual-storm.mjs'

/** All are back by then. */
const MOST_MS = 45_000
/** No 100 ms hold more of the peers than this. */
const MOST_SHARE = 0.05

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '5000' },
    'away-ms': { type: 'string', default: '3000' },
    'no-jitter': { type: 'boolean', default: false },
    virtual: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
})
const hasJitter = !values['no-jitter']
const options = { peers: Number(values.peers), awayMs: Number(values['away-ms']), hasJitter }
const result = values.virtual
  ? await virtualStorm({ ...options, seed: Number(values.seed) })
  : await storm(options, (text) => process.stderr.write(`${text}\n`))
const { peers, back, lastMs, worst, worstIn, attempts } = result
const isBack = back >= peers && lastMs <= MOST_MS
const isSpread = worst.share <= MOST_SHARE
process.stdout.write(
  [
    `${back} of ${peers} peers back, the last after ${lastMs} ms ${isBack ? '' : `(must be ${MOST_MS})`}`,
    `most that knock in 100 ms: ${(100 * worst.share).toFixed(1)} % at ${worst.bucketMs} ms ${isSpread ? '' : '(must be 5 %)'}`,
    `most that are let in: ${(100 * worstIn.share).toFixed(1)} % at ${worstIn.bucketMs} ms`,
    `${attempts} attempts that failed; jitter ${hasJitter ? 'on' : 'off'}`,
    '',
  ].join('\n'),
)
process.exitCode = isBack && isSpread ? 0 : 1
