import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TransportContractSetup, transportContract } from '@peerplex/testkit'
import { afterAll, describe, it } from 'vitest'
import { netTransport } from './net-transport.js'

const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
afterAll(() => rmSync(dir, { recursive: true }))

let count = 0
const setups: Record<string, TransportContractSetup> = {
  tcp: {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => 'tcp://127.0.0.1:0',
    deadUrl: 'tcp://127.0.0.1:1',
  },
  'tcp on IPv6': {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => 'tcp://[::1]:0',
    deadUrl: 'tcp://[::1]:1',
  },
  unix: {
    kind: 'byte',
    makeTransport: () => netTransport(),
    freshUrl: () => `unix:${dir}/${count++}.sock`,
    deadUrl: `unix:${dir}/nobody.sock`,
  },
}

describe.each(Object.entries(setups))('contract: %s', (_name, setup) => {
  it.concurrent.each(transportContract(setup))('$name', ({ run }) => run(), 60_000)
})
