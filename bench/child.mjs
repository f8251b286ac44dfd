// Owns: one side of one run, in a process of its own: it starts a peer as server or as client and answers the runner.
// Must not know: the other entries, rounds, tables.

import { setTimeout as delay } from 'node:timers/promises'
import { closedLoop } from './drivers/closed-loop.mjs'
import { drivers } from './drivers/index.mjs'
import { brokerCpuUs } from './drivers/usage.mjs'

/**
 * @typedef {import('./interface.mjs').Setup} Setup
 * @typedef {{ do: 'serve', file: string, setup: Setup }} Serve
 * @typedef {{ do: 'run', file: string, setup: Setup, address: unknown, timing: import('./drivers/index.mjs').Timing }} Run
 * @typedef {{ do: 'ask', what: string }} Ask of the client to the server, passed on by the runner
 * @typedef {{ do: 'answer', value: unknown }} Answer
 */

/** @type {import('./interface.mjs').Server | undefined} */
let server
let callsMade = () => 0
/** @type {((value: any) => void)[]} */
const asked = []

process.on('disconnect', () => process.exit())
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
process.on('message', (message) => {
  handle(/** @type {Serve | Run | Ask | Answer} */ (message)).catch(fail)
})

/** @param {Serve | Run | Ask | Answer} message */
async function handle(message) {
  switch (message.do) {
    case 'serve': {
      server = await (await peerOf(message.file)).serve(message.setup)
      send({ do: 'ready', address: server.address })
      return
    }
    case 'run': {
      const { setup, timing } = message
      const client = await (await peerOf(message.file)).connect(message.address, setup)
      const drive = drivers[setup.workload.kind]
      if (!drive) throw new Error(`nothing measures workloads of kind ${setup.workload.kind}`)
      const result = await drive({ client, setup, timing, ask })
      send({ do: 'result', result })
      return
    }
    case 'ask':
      send({ do: 'answer', value: await answer(message.what) })
      return
    case 'answer':
      asked.shift()?.(message.value)
  }
}

/**
 * @param {string} what
 * @returns {Promise<unknown>}
 */
async function answer(what) {
  if (what === 'usage') return { ...ownCpuUs(), calls: callsMade() }
  if (what === 'memory') return memoryAfterGc()
  if (what === 'inspect') return server?.inspect?.() ?? {}
  if (what.startsWith('load ')) {
    if (!server?.echo) throw new Error('this peer has no calls from the server to the client')
    const loop = closedLoop(server.echo, Number(what.slice(5)), fail)
    callsMade = () => loop.count
    return {}
  }
  throw new Error(`nobody answers '${what}'`)
}

/**
 * Asks the server's process.
 * @param {string} what
 * @returns {Promise<any>}
 */
function ask(what) {
  if (what.startsWith('own ')) return answer(what.slice(4))
  return new Promise((resolve) => {
    asked.push(resolve)
    send({ do: 'ask', what })
  })
}

function ownCpuUs() {
  const { user, system } = process.cpuUsage()
  return { cpuUs: user + system + brokerCpuUs(server?.brokerPid), systemUs: system }
}

const MEMORY_SAMPLES = 12

/**
 * The lowest of some samples: what is on its way through at one moment is not held. Two collections each, since what the first one finalizes is
 * garbage to the second.
 */
async function memoryAfterGc() {
  const { gc } = globalThis
  if (!gc) throw new Error('memory is measured with --expose-gc')
  await delay(200)
  let lowest = process.memoryUsage()
  for (let n = 0; n < MEMORY_SAMPLES; n++) {
    await delay(10)
    gc()
    gc()
    const now = process.memoryUsage()
    if (n === 0 || now.heapUsed + now.external < lowest.heapUsed + lowest.external) lowest = now
  }
  return lowest
}

/**
 * @param {string} file
 * @returns {Promise<import('./interface.mjs').PeerModule>}
 */
function peerOf(file) {
  return import(`./peers/${file}.mjs`)
}

/** @param {object} message */
function send(message) {
  process.send?.(message)
}

/** @param {unknown} error */
function fail(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (process.send) process.send({ do: 'failed', text }, () => process.exit(1))
  else process.exit(1)
}
