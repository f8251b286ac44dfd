import { type TransportContractSetup, transportContract } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { createMemoryTransport } from './memory-transport.js'

let count = 0
const setups: Record<string, TransportContractSetup> = {
  'memory, bytes': {
    kind: 'byte',
    makeTransport: () => createMemoryTransport(),
    freshUrl: () => 'memory:name',
    deadUrl: 'memory:nobody',
  },
  'memory, messages by default': {
    kind: 'message',
    makeTransport: () => createMemoryTransport({ kind: 'message' }),
    freshUrl: () => `memory:name-${count++}`,
    deadUrl: 'memory:nobody',
  },
  'memory, messages by name': {
    kind: 'message',
    makeTransport: () => createMemoryTransport(),
    freshUrl: () => 'memory:name?kind=message',
    deadUrl: 'memory:nobody?kind=message',
  },
}

describe.each(Object.entries(setups))('contract: %s', (_name, setup) => {
  it.concurrent.each(transportContract(setup))('$name', ({ run }) => run(), 60_000)
})
