import { expect, it } from 'vitest'
import { SYSTEM_CLOCK } from './clock.js'
import type { PeerConnection } from './peer-connection.js'
import { Pool } from './pool.js'

const connection = (url: string, isAccepted = true): PeerConnection =>
  ({ url, isAccepted, remote: null }) as PeerConnection

it('counts what was accepted from an address, whatever the port', () => {
  const pool = new Pool({ balance: 'roundRobin', clock: SYSTEM_CLOCK, random: Math.random })
  const [first, second] = [connection('tcp://10.0.0.1:4001'), connection('tcp://10.0.0.1:4002')]
  const dialed = connection('tcp://10.0.0.1:7000', false)
  for (const each of [first, second, dialed, connection('tcp://10.0.0.2:4001')]) pool.add(each)
  expect(pool.acceptedFrom('tcp://10.0.0.1:9')).toBe(2)
  expect(pool.acceptedFrom('tcp://10.0.0.3:9')).toBe(0)
  pool.remove(dialed)
  pool.remove(first)
  pool.remove(first)
  expect(pool.acceptedFrom('tcp://10.0.0.1:9')).toBe(1)
  pool.remove(second)
  expect(pool.acceptedFrom('tcp://10.0.0.1:9')).toBe(0)
})

it.each([
  ['tcp://[::1]:4001', 'tcp://[::1]:4002'],
  ['tls://host.example:1', 'tls://host.example:2'],
  ['ws://10.0.0.1:4001/path:5', 'ws://10.0.0.1:4002/'],
])('knows the address of %s', (url, sameAddress) => {
  const pool = new Pool({ balance: 'roundRobin', clock: SYSTEM_CLOCK, random: Math.random })
  pool.add(connection(url))
  expect(pool.acceptedFrom(sameAddress)).toBe(1)
})

it.each(['unix:/tmp/a:1', 'memory:name', 'port:1', 'ws://host/path:80', 'tcp://unknown', ''])(
  'counts nothing for %s, which has no address with a port',
  (url) => {
    const pool = new Pool({ balance: 'roundRobin', clock: SYSTEM_CLOCK, random: Math.random })
    pool.add(connection(url))
    expect(pool.acceptedFrom(url)).toBe(0)
  },
)
