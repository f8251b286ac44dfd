import { readFileSync } from 'node:fs'
import { type TransportContractSetup, transportContract } from '@peerplex/testkit'
import type { Transport } from '@peerplex/wire/transport'
import { describe, it } from 'vitest'
import { WebSocket } from 'ws'
import { wsTransport as browserTransport } from './browser.js'
import { wsTransport } from './index.js'

const certificates = new URL('../test/certificates/', import.meta.url)
const cert = readFileSync(new URL('cert.pem', certificates))
const key = readFileSync(new URL('key.pem', certificates))

function contractTransport(listening: Transport, dialing: Transport): Transport {
  return {
    schemes: listening.schemes,
    connect: (endpoint, options) => dialing.connect(endpoint, options),
    listen: (endpoint, options, onConnection) => listening.listen(endpoint, options, onConnection),
  }
}

const setups: Record<string, TransportContractSetup> = {
  ws: {
    kind: 'message',
    lacks: ['half-close'],
    makeTransport: () => contractTransport(wsTransport(), wsTransport()),
    freshUrl: () => 'ws://127.0.0.1:0',
    deadUrl: 'ws://127.0.0.1:1',
  },
  'ws on IPv6 with a path': {
    kind: 'message',
    lacks: ['half-close'],
    makeTransport: () => contractTransport(wsTransport(), wsTransport()),
    freshUrl: () => 'ws://[::1]:0/peer',
    deadUrl: 'ws://[::1]:1/peer',
  },
  wss: {
    kind: 'message',
    lacks: ['half-close'],
    makeTransport: () =>
      contractTransport(wsTransport({ tls: { cert, key } }), wsTransport({ tls: { ca: cert } })),
    freshUrl: () => 'wss://127.0.0.1:0',
    deadUrl: 'wss://127.0.0.1:1',
  },
  'from a browser': {
    kind: 'message',
    // A browser sends what it has taken, also after `destroy`.
    lacks: ['half-close', 'loss'],
    makeTransport: () => contractTransport(wsTransport(), browserTransport()),
    freshUrl: () => 'ws://127.0.0.1:0',
    deadUrl: 'ws://127.0.0.1:1',
  },
}

Object.assign(globalThis, { WebSocket })

describe.each(Object.entries(setups))('contract: %s', (_name, setup) => {
  it.concurrent.each(transportContract(setup))('$name', ({ run }) => run())
})
