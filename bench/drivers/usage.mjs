// Owns: processor time of both sides and of a broker between them, over a measured window.
// Must not know: what runs meanwhile.

import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second. */
const US_PER_TICK = 10_000

/**
 * @param {number | undefined} pid
 * @returns {number} us; 0 without a broker, or where it cannot be known
 */
export function brokerCpuUs(pid) {
  if (pid === undefined) return 0
  try {
    // Behind the name in parentheses, which may hold blanks, follow the state and ten numbers, then user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK
  } catch {
    return 0
  }
}

/**
 * What both sides had used and done at one moment.
 * @param {(what: string) => Promise<any>} ask
 * @param {() => number} count
 */
export async function sample(ask, count) {
  const server = await ask('usage')
  const { user, system } = process.cpuUsage()
  return {
    atMs: performance.now(),
    count: count() + Number(server.calls),
    client: { cpuUs: user + system, systemUs: system },
    server: { cpuUs: Number(server.cpuUs), systemUs: Number(server.systemUs) },
  }
}

/**
 * @param {Awaited<ReturnType<typeof sample>>} from
 * @param {Awaited<ReturnType<typeof sample>>} to
 */
export function between(from, to) {
  const elapsedMs = to.atMs - from.atMs
  const count = to.count - from.count
  if (count === 0) throw new Error(`nothing arrived in ${Math.round(elapsedMs)} ms`)
  const clientUs = to.client.cpuUs - from.client.cpuUs
  const serverUs = to.server.cpuUs - from.server.cpuUs
  return {
    count,
    elapsedMs,
    rate: (count / elapsedMs) * 1_000,
    clientCpuUs: clientUs / count,
    serverCpuUs: serverUs / count,
    // Of that, what the kernel took; without a broker.
    clientSystemUs: (to.client.systemUs - from.client.systemUs) / count,
    serverSystemUs: (to.server.systemUs - from.server.systemUs) / count,
    clientUtil: clientUs / elapsedMs / 1_000,
    serverUtil: serverUs / elapsedMs / 1_000,
  }
}
