import { describe, expect, it } from 'vitest'
import { sourceOf } from './address.js'

describe('the source of a connection', () => {
  it.each([
    ['tcp://10.0.0.1:4001', '10.0.0.1'],
    ['tls://host.example:1', 'host.example'],
    ['ws://10.0.0.1:4001/path:5', '10.0.0.1'],
    ['wss://10.0.0.1:1', '10.0.0.1'],
  ])('is what %s says without the port', (url, source) => {
    expect(sourceOf(url)).toBe(source)
  })

  it.each([
    ['tcp://[2001:db8:1:2:3:4:5:6]:1', 'tcp://[2001:db8:1:2:ffff::1]:2'],
    ['tcp://[2001:0db8::1]:1', 'tcp://[2001:db8::ffff]:2'],
    ['tcp://[2001:db8:1:2::]:1', 'tcp://[2001:db8:1:2::9]:1'],
    ['tcp://[::1]:4001', 'tcp://[::1]:4002'],
    ['tcp://[fe80::1%eth0]:1', 'tcp://[fe80::2%eth0]:1'],
  ])('is one /64 network for %s and %s', (a, b) => {
    expect(sourceOf(a)).toBe(sourceOf(b))
    expect(sourceOf(a)).toMatch(/^\[[0-9a-f:]+::\]$/)
  })

  it('is another one where the networks differ', () => {
    expect(sourceOf('tcp://[2001:db8:1:2::1]:1')).not.toBe(sourceOf('tcp://[2001:db8:1:3::1]:1'))
    expect(sourceOf('tcp://[2001:db8::2:0:0:1]:1')).toBe(sourceOf('tcp://[2001:db8::]:1'))
  })

  it.each(['unix:/tmp/a:1', 'memory:name', 'port:1', 'ws://host/path:80', 'tcp://unknown', ''])(
    'is none for %s, which has no address with a port',
    (url) => {
      expect(sourceOf(url)).toBe('')
    },
  )
})
