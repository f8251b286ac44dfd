// Owns: how calls are measured: one after the other by their time, many at once by their number.
// Must not know: the peer.

import { createHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { isEcho } from '../interface.mjs'
import { callOnce, closedLoop } from './closed-loop.mjs'
import { between, sample } from './usage.mjs'

/**
 * @typedef {import('./index.mjs').Job} Job
 * @typedef {import('./index.mjs').Result} Result
 */

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export function echo(job) {
  return loaded(job, async () => {})
}

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export function both(job) {
  return loaded(job, () => job.ask(`load ${job.setup.workload.inFlight}`))
}

/**
 * @param {Job} job
 * @returns {Promise<Result>}
 */
export async function sequential(job) {
  const call = await checkedEcho(job)
  const histogram = createHistogram()
  let isOver = false
  let count = 0
  /** @type {(error: unknown) => void} */
  let fail = () => {}
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => {
    fail = reject
  })
  /** @type {import('../interface.mjs').Done} */
  const done = (error) => {
    if (error !== null && error !== undefined) return fail(error)
    histogram.recordDelta()
    count++
    if (!isOver) call(done)
  }
  call(done)
  await Promise.race([delay(job.timing.warmupMs), failed])
  const from = await sample(job.ask, () => count)
  histogram.reset()
  await Promise.race([delay(job.timing.measureMs), failed])
  const [p50Us, p99Us] = [histogram.percentile(50) / 1_000, histogram.percentile(99) / 1_000]
  const to = await sample(job.ask, () => count)
  isOver = true
  return { ...between(from, to), p50Us, p99Us }
}

/**
 * @param {Job} job
 * @param {() => Promise<void>} alsoStart
 * @returns {Promise<Result>}
 */
async function loaded(job, alsoStart) {
  const call = await checkedEcho(job)
  /** @type {(error: unknown) => void} */
  let fail = () => {}
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => {
    fail = reject
  })
  const loop = closedLoop(call, job.setup.workload.inFlight, (error) => fail(error))
  await alsoStart()
  await Promise.race([delay(job.timing.warmupMs), failed])
  const from = await sample(job.ask, () => loop.count)
  await Promise.race([delay(job.timing.measureMs), failed])
  return between(from, await sample(job.ask, () => loop.count))
}

/** @param {Job} job */
async function checkedEcho({ client, setup }) {
  if (!client.echo) throw new Error('this peer has no calls')
  const reply = await callOnce(client.echo)
  if (!isEcho(reply, setup.workload.bytes)) throw new Error('what came back is not what was sent')
  return client.echo
}
