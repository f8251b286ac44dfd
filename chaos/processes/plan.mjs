// Owns: who takes part in a run, over which transport, and who dials whom.
// Must not know: processes, faults.

import { join } from 'node:path'

/** @typedef {'tcp' | 'unix' | 'ws'} TransportName */
/** @type {readonly TransportName[]} */
export const TRANSPORTS = ['tcp', 'unix', 'ws']

/** `isReversed`: it dials the callers, instead of being dialed. @typedef {{ name: string, transport: TransportName, isReversed: boolean }} CalleePlan */
/** @typedef {{ callers: string[], callees: CalleePlan[] }} Plan */

/** The least: one that calls and one that answers. @type {Plan} */
export const SMALL_PLAN = { callers: ['a1'], callees: [{ name: 'b1', transport: 'tcp', isReversed: false }] }

/** With few transports there are still two that listen, so that there is somebody else to go to. */
const MIN_LISTENING = 2

/** @param {readonly TransportName[]} transports @param {number} callerCount @returns {Plan} */
export function makePlan(transports, callerCount) {
  const [first = 'tcp'] = transports
  const listening = [...transports]
  while (listening.length < MIN_LISTENING) listening.push(first)
  const callees = listening.map((transport, at) => ({ name: `b${at + 1}`, transport, isReversed: false }))
  callees.push({ name: `b${callees.length + 1}`, transport: first, isReversed: true })
  return { callers: Array.from({ length: callerCount }, (_, at) => `a${at + 1}`), callees }
}

/** Where a peer or a proxy listens. @param {TransportName} transport @param {string} folder @param {string} name @param {number} port */
export function urlFor(transport, folder, name, port) {
  if (transport === 'unix') return `unix:${join(folder, `${name}.sock`)}`
  return transport === 'ws' ? `ws://127.0.0.1:${port}/peer` : `tcp://127.0.0.1:${port}`
}

/** What a proxy dials for a URL. @param {string} url @returns {import('@peerplex/testkit').ProxyAddress} */
export function addressOf(url) {
  if (url.startsWith('unix:')) return { path: url.slice('unix:'.length) }
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

/** The same place, as somebody dials it who is to come to a proxy that listens at `proxyUrl`. @param {string} proxyUrl @param {TransportName} transport */
export function dialedUrl(proxyUrl, transport) {
  if (transport !== 'ws') return proxyUrl
  return `ws://127.0.0.1:${new URL(proxyUrl).port}/peer`
}
