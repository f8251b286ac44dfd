// Owns: which figures stand in the table of each kind of workload, and which one is its chart.
// Must not know: how a table or a chart is drawn.

/**
 * @typedef {object} Column
 * @property {string} head
 * @property {string} figure
 * @property {'baseline' | 'best' | undefined} [over] divided by the baseline, or by the better of `raw` and `raw-early`
 * @property {string} [minus] taken off: the same figure of this entry
 * @property {boolean} [range] with the lowest and the highest round
 *
 * @typedef {object} Shape
 * @property {readonly Column[]} columns
 * @property {Column} chart
 * @property {boolean} isLowerBetter of the chart and of the ratio
 */

const RATIO = { over: 'baseline', range: true }
const CPU = [
  { head: 'CPU us client', figure: 'clientCpuUs' },
  { head: 'CPU us server', figure: 'serverCpuUs' },
  { head: 'CPU ratio', figure: 'cpuUs', ...RATIO },
  { head: 'cores client', figure: 'clientUtil' },
  { head: 'cores server', figure: 'serverUtil' },
]
const MEMORY = [
  { head: 'server RSS B each', figure: 'serverRssBytes', range: true },
  { head: 'ratio', figure: 'serverRssBytes', ...RATIO },
  { head: 'client RSS B', figure: 'clientRssBytes', range: true },
  { head: 'server heap B', figure: 'serverHeapBytes' },
  { head: 'client heap B', figure: 'clientHeapBytes' },
  { head: 'ms for all', figure: 'openMs', range: true },
]

/** @type {Shape} */
const RATE = {
  columns: /** @type {Column[]} */ ([
    { head: 'per second', figure: 'rate', range: true },
    { head: 'ratio', figure: 'rate', ...RATIO },
    { head: 'to the better raw', figure: 'rate', over: 'best', range: true },
    ...CPU,
  ]),
  chart: { head: 'per second', figure: 'rate' },
  isLowerBetter: false,
}

/** @type {Shape} */
const LEVELS = {
  columns: /** @type {Column[]} */ (MEMORY),
  chart: { head: 'bytes of RSS each, on the server', figure: 'serverRssBytes' },
  isLowerBetter: true,
}

/** @type {Readonly<Record<import('./interface.mjs').Kind, Shape>>} */
export const SHAPES = {
  echo: RATE,
  both: RATE,
  stream: {
    ...RATE,
    columns: [
      ...RATE.columns.filter((column) => column.over !== 'best'),
      { head: 'MiB/s', figure: 'mibPerSecond' },
    ],
  },
  sequential: {
    columns: /** @type {Column[]} */ ([
      { head: 'p50 us', figure: 'p50Us', range: true },
      { head: 'ratio', figure: 'p50Us', ...RATIO },
      { head: 'p99 us', figure: 'p99Us', range: true },
      ...CPU.slice(0, 3),
    ]),
    chart: { head: 'us, median', figure: 'p50Us' },
    isLowerBetter: true,
  },
  paused: {
    columns: [
      { head: 'alone per second', figure: 'aloneRate' },
      { head: 'beside', figure: 'rate' },
      { head: 'part', figure: 'besideRatio', range: true },
      { head: 'unread B', figure: 'clientUnreadBytes', range: true },
      { head: 'queued B', figure: 'serverQueuedBytes', range: true },
      { head: 'client grew B', figure: 'clientGrowthBytes', range: true },
      { head: 'server grew B', figure: 'serverGrowthBytes', range: true },
    ],
    chart: { head: 'of its rate alone', figure: 'besideRatio' },
    isLowerBetter: false,
  },
  idle: LEVELS,
  channels: LEVELS,
  pending: LEVELS,
  import: {
    columns: [
      { head: 'ms', figure: 'startMs', range: true },
      { head: 'ms over bare node', figure: 'startMs', minus: 'node', range: true },
    ],
    chart: { head: 'ms over bare node', figure: 'startMs', minus: 'node' },
    isLowerBetter: true,
  },
}

/** The name of the second measure, which the better one is taken of. */
const EARLY = 'raw-early'

/**
 * @param {import('./interface.mjs').Workload} workload
 * @param {string} entry
 * @param {Column} column
 * @returns {import('./statistics.mjs').Question}
 */
export function questionOf(workload, entry, { figure, over, minus }) {
  return {
    workload: workload.name,
    entry,
    figure,
    ...(over === 'baseline' ? { over: [workload.baseline] } : {}),
    ...(over === 'best' ? { over: [workload.baseline, EARLY] } : {}),
    ...(minus === undefined ? {} : { minus }),
  }
}
