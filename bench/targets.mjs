// Owns: what Peerplex is held to. `must` is what counts, `goal` what is aimed at. `over` divides by the same figure of another entry in the same
// round, by the better one where there are two; `minus` takes it off.

const KIB = 1_024
const MIB = KIB * KIB

/**
 * @typedef {object} Target
 * @property {string} what in words
 * @property {string} workload
 * @property {string} entry
 * @property {string} figure
 * @property {readonly string[]} [over]
 * @property {string} [minus]
 * @property {'atLeast' | 'atMost'} is
 * @property {number} must
 * @property {number} goal
 */

const RAW = ['raw']
/** The better one of both: which it is depends on how many calls are in flight. */
const BEST_RAW = ['raw', 'raw-early']

/** The window of a channel, and one message of the workload `paused`. */
const MAY_BE_HELD = 528 * KIB + 64 * KIB
const MAY_GROW = MAY_BE_HELD + 4 * MIB

/**
 * @param {string} workload
 * @param {string} entry
 * @param {readonly string[]} over
 * @param {number} must
 * @param {number} goal
 * @returns {Target}
 */
function rate(workload, entry, over, must, goal) {
  return { what: 'rate', workload, entry, figure: 'rate', over, is: 'atLeast', must, goal }
}

/**
 * @param {string} what
 * @param {string} workload
 * @param {string} entry
 * @param {string} figure
 * @param {number} must
 * @param {number} goal
 * @param {{ over?: readonly string[], minus?: string }} [compared]
 * @returns {Target}
 */
function atMost(what, workload, entry, figure, must, goal, compared = {}) {
  return { what, workload, entry, figure, ...compared, is: 'atMost', must, goal }
}

/** @type {readonly Target[]} */
export const TARGETS = [
  atMost('median time', 'sequential', 'peerplex', 'p50Us', 1.1, 1.05, { over: RAW }),
  rate('c64', 'peerplex', RAW, 0.65, 0.82),
  atMost('CPU per call', 'c64', 'peerplex', 'cpuUs', 2.6, 2.0, { over: RAW }),
  rate('c64', 'peerplex', BEST_RAW, 0.4, 0.5),
  rate('c64', 'peerplex', ['grpc-js'], 35, 50),
  rate('c64', 'peerplex-bytes', RAW, 0.85, 1.0),
  rate('c64', 'peerplex-bytes', BEST_RAW, 0.58, 0.7),
  rate('c64', 'peerplex-bytes', ['zeromq'], 6, 8),
  rate('c64', 'peerplex-bytes', ['ws'], 4.5, 5.5),
  rate('c64', 'peerplex-bytes', ['rsocket'], 4, 5),
  rate('c256', 'peerplex', RAW, 0.32, 0.45),
  rate('c256', 'peerplex', ['grpc-js'], 60, 90),
  rate('c256', 'peerplex-bytes', RAW, 0.6, 0.74),
  // These two are held to nine tenths of what 256 in flight are held to.
  rate('c1000', 'peerplex', RAW, 0.32 * 0.9, 0.45 * 0.9),
  rate('both', 'peerplex', RAW, 0.32 * 0.9, 0.45 * 0.9),
  rate('4k', 'peerplex-bytes', RAW, 0.8, 1.0),
  rate('64k', 'peerplex-bytes', RAW, 1.2, 1.6),
  rate('stream', 'peerplex-bytes', RAW, 0.3, 0.45),
  rate('stream', 'peerplex', RAW, 0.12, 0.15),
  rate('stream', 'peerplex-iterator', RAW, 0.09, 0.12),
  rate('bulk', 'peerplex-bytes', RAW, 0.9, 1.05),
  atMost('bytes unread', 'paused', 'peerplex-bytes', 'clientUnreadBytes', MAY_BE_HELD, MAY_BE_HELD),
  atMost('bytes queued', 'paused', 'peerplex-bytes', 'serverQueuedBytes', MAY_BE_HELD, MAY_BE_HELD),
  atMost('client grew', 'paused', 'peerplex-bytes', 'clientGrowthBytes', MAY_GROW, MAY_GROW),
  atMost('server grew', 'paused', 'peerplex-bytes', 'serverGrowthBytes', MAY_GROW, MAY_GROW),
  {
    what: 'the other stream, of its rate alone',
    workload: 'paused',
    entry: 'peerplex-bytes',
    figure: 'besideRatio',
    is: 'atLeast',
    must: 0.9,
    goal: 0.9,
  },
  atMost('server RSS', 'idle', 'peerplex', 'serverRssBytes', 1.15, 1.0, { over: RAW }),
  atMost('server bytes', 'channels', 'peerplex-bytes', 'serverRssBytes', 500, 250),
  atMost('client bytes', 'channels', 'peerplex-bytes', 'clientRssBytes', 900, 500),
  atMost('ms to open', 'channels', 'peerplex-bytes', 'openMs', 60, 25),
  atMost('server bytes', 'channels-warm', 'peerplex-bytes', 'serverRssBytes', 500, 250),
  atMost('client bytes', 'channels-warm', 'peerplex-bytes', 'clientRssBytes', 900, 500),
  atMost('ms to open', 'channels-warm', 'peerplex-bytes', 'openMs', 60, 25),
  atMost('server bytes', 'pending', 'peerplex', 'serverRssBytes', 3_000, 2_000),
  atMost('client bytes', 'pending', 'peerplex', 'clientRssBytes', 1_500, 1_000),
  atMost('ms over bare node', 'import', 'peerplex', 'startMs', 25, 16, { minus: 'node' }),
  rate('ws64', 'peerplex-ws', ['ws'], 3, 5),
]

/**
 * @param {Target} target
 * @param {number} value
 * @returns {'goal' | 'met' | 'missed'}
 */
export function verdict({ is, must, goal }, value) {
  const reaches = (/** @type {number} */ bound) => (is === 'atLeast' ? value >= bound : value <= bound)
  if (reaches(goal)) return 'goal'
  return reaches(must) ? 'met' : 'missed'
}
