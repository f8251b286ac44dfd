import { UsageError } from '@peerplex/wire'
import { parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it } from 'vitest'
import { netTransport } from './net-transport.js'
import { resolveNetOptions } from './options.js'

describe('options of the socket transport', () => {
  it('have defaults', () => {
    expect(resolveNetOptions({})).toEqual({
      highWaterMarkBytes: 65_536,
      readBufferBytes: 262_144,
      backlogCount: 511,
    })
  })

  it('can be overridden for one call; what is unknown is ignored', () => {
    const resolved = resolveNetOptions({ backlogCount: 5, socketMode: 0o600 }, { socketMode: 0o660, tls: {} })
    expect(resolved).toMatchObject({ highWaterMarkBytes: 65_536, backlogCount: 5, socketMode: 0o660 })
  })

  it.each([
    [{ highWaterMarkBytes: 0 }, 'netTransport: highWaterMarkBytes is 0'],
    [{ backlogCount: 1.5 }, 'netTransport: backlogCount is 1.5'],
    [{ readBufferBytes: -1 }, 'netTransport: readBufferBytes is -1'],
    [{ socketMode: 0o1000 }, 'netTransport: socketMode is 512'],
    [{ localAddress: 'here' }, 'netTransport: localAddress is here'],
    [{ localAddress: 7 }, 'netTransport: localAddress is 7'],
    [{ socketMode: '600' }, 'netTransport: socketMode is 600'],
  ])('are checked at once: %o', (options, message) => {
    expect(() => netTransport(options as any)).toThrow(UsageError)
    expect(() => netTransport(options as any)).toThrow(message)
  })

  it('are checked for each call', async () => {
    const transport = netTransport()
    const options = { transport: { highWaterMarkBytes: -1 } }
    const endpoint = parseEndpoint('tcp://127.0.0.1:0')
    await expect(transport.connect(endpoint, options)).rejects.toBeInstanceOf(UsageError)
    await expect(transport.listen(endpoint, options, () => {})).rejects.toBeInstanceOf(UsageError)
  })
})
