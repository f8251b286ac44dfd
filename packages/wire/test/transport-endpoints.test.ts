import { parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it } from 'vitest'
import { thrown } from './lifecycle-support.js'

describe('parseEndpoint', () => {
  it.each([
    [
      'tcp://10.0.0.1:7000',
      { scheme: 'tcp', host: '10.0.0.1', port: 7000, path: '', url: 'tcp://10.0.0.1:7000' },
    ],
    ['tcp://:7000', { scheme: 'tcp', host: '127.0.0.1', port: 7000, url: 'tcp://127.0.0.1:7000' }],
    ['TCP://example.org:0', { scheme: 'tcp', host: 'example.org', port: 0, url: 'tcp://example.org:0' }],
    ['tls://[::1]:65535', { scheme: 'tls', host: '::1', port: 65_535, url: 'tls://[::1]:65535' }],
    [
      'tcp://[fe80::1%eth0]:1',
      { scheme: 'tcp', host: 'fe80::1%eth0', port: 1, url: 'tcp://[fe80::1%eth0]:1' },
    ],
    [
      'ws://example.org',
      { scheme: 'ws', host: 'example.org', port: 80, path: '', url: 'ws://example.org:80' },
    ],
    ['wss://example.org', { scheme: 'wss', port: 443, url: 'wss://example.org:443' }],
    [
      'ws://[::1]/a/b?c=1',
      { scheme: 'ws', host: '::1', port: 80, path: '/a/b?c=1', url: 'ws://[::1]:80/a/b?c=1' },
    ],
    ['wss://example.org:8443/rpc', { port: 8443, path: '/rpc', url: 'wss://example.org:8443/rpc' }],
    ['unix:/tmp/x.sock', { scheme: 'unix', host: '', port: 0, path: '/tmp/x.sock', url: 'unix:/tmp/x.sock' }],
    ['unix:relative.sock', { scheme: 'unix', path: 'relative.sock' }],
    ['memory:name', { scheme: 'memory', path: 'name', url: 'memory:name' }],
    ['exec:node server.js', { scheme: 'exec', path: 'node server.js' }],
    ['stdio:', { scheme: 'stdio', host: '', port: 0, path: '', url: 'stdio:' }],
  ])('%s', (url, expected) => {
    expect(parseEndpoint(url)).toMatchObject(expected)
  })

  it('the canonical text parses to itself', () => {
    for (const url of [
      'tcp://:1',
      'ws://h/p',
      'unix:/a',
      'memory:m',
      'exec:a b',
      'stdio:',
      'tls://[::1]:2',
    ]) {
      const once = parseEndpoint(url)
      expect(parseEndpoint(once.url)).toEqual(once)
    }
  })

  it.each([
    ['', /no scheme/, /tcp/],
    ['example.org', /no scheme/, /tcp/],
    ['http://example.org', /unknown scheme 'http'/, /ws/],
    ['localhost:7000', /unknown scheme 'localhost'/, /tcp/],
    ['tcp:localhost:7000', /lacks \/\//, /tcp:\/\/host:port/],
    ['tcp://localhost', /no port/, /:0/],
    ['tcp://localhost:', /host and port 'localhost:'/, /host:port/],
    ['tcp://localhost:65536', /port 65536/, /65535/],
    ['tcp://localhost:123456', /host and port/, /host:port/],
    ['tcp://localhost:http', /host and port/, /host:port/],
    ['tcp://user@host:1', /host and port/, /host:port/],
    ['tcp://::1:7000', /host and port/, /brackets/],
    ['tcp://[::1:7000', /host and port/, /brackets/],
    ['tcp://localhost:7000/path', /path/, /host and port only/],
    ['ws://[not-an-address]:1', /host and port/, /brackets/],
    ['unix:', /nothing after/, /unix:/],
    ['memory:', /nothing after/, /memory:/],
    ['exec:', /nothing after/, /exec:/],
  ])('%j is a UsageError that names the part', (url, message, hint) => {
    const error = thrown(() => parseEndpoint(url))
    expect(error).toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT' })
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
  })

  it('a very long text is cut in the message', () => {
    expect(thrown(() => parseEndpoint('x'.repeat(10_000))).message.length).toBeLessThan(400)
  })
})
