// Owns: zeromq, DEALER to ROUTER. It allows one send at a time, so that sends queue here.
// Payload: opaque bytes. Answers come in the order of the calls.

import { awaitTimes, bytesOf } from '../interface.mjs'
import { load } from './load.mjs'

const MAX_SOCKETS = 4_096

/**
 * @param {any} socket
 * @returns {(parts: unknown) => void}
 */
function sender(socket) {
  /** @type {unknown[]} */
  let queue = []
  let isSending = false
  const run = async () => {
    isSending = true
    while (queue.length > 0) {
      const batch = queue
      queue = []
      for (const parts of batch) await socket.send(parts)
    }
    isSending = false
  }
  return (parts) => {
    queue.push(parts)
    if (!isSending) void run()
  }
}

/** @type {import('../interface.mjs').PeerModule['serve']} */
export async function serve({ workload }) {
  const { Router } = await load('zeromq')
  // Without `mandatory` it drops what is too much.
  const router = new Router({ mandatory: true })
  await router.bind('tcp://127.0.0.1:*')
  const send = sender(router)
  const payload = bytesOf(workload.bytes)
  const receive = async () => {
    for await (const [id, bytes] of router) {
      if (workload.kind === 'stream') {
        for (;;) await router.send([id, payload])
      }
      if (workload.awaits === 0) send([id, bytes])
      else void awaitTimes(workload.awaits).then(() => send([id, bytes]))
    }
  }
  void receive()
  return { address: router.lastEndpoint }
}

/** @type {import('../interface.mjs').PeerModule['connect']} */
export async function connect(address, { workload }) {
  const { Dealer, context } = await load('zeromq')
  // It allows 1,023 in a process.
  context.maxSockets = MAX_SOCKETS
  const payload = bytesOf(workload.bytes)
  const dial = () => {
    const dealer = new Dealer()
    dealer.connect(address)
    const send = sender(dealer)
    /** @type {import('../interface.mjs').Done[]} */
    let waiting = []
    /** @type {(() => void) | undefined} */
    let onMessage
    let head = 0
    const receive = async () => {
      for await (const [bytes] of dealer) {
        if (onMessage) {
          onMessage()
          continue
        }
        const done = waiting[head++]
        if (head > 1_024) {
          waiting = waiting.slice(head)
          head = 0
        }
        done?.(null, bytes)
      }
    }
    void receive()
    return {
      /** @param {import('../interface.mjs').Done} done */
      echo(done) {
        waiting.push(done)
        send(payload)
      },
      /** @param {() => void} callback */
      stream(callback) {
        onMessage = callback
        send(payload)
      },
    }
  }
  return {
    ...dial(),
    another: () => new Promise((resolve) => dial().echo(() => resolve(undefined))),
  }
}
