import { UsageError } from '@peerplex/wire'
import { parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it } from 'vitest'
import { wsTransport } from './index.js'

/** The error of `wsTransport` with such an option. */
function refusal(options: object): UsageError {
  try {
    wsTransport(options)
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('accepted')
}

const WRONG: readonly (readonly [object, RegExp])[] = [
  [{ highWaterMarkBytes: 0 }, /highWaterMarkBytes is 0/],
  [{ highWaterMarkBytes: 1.5 }, /highWaterMarkBytes is 1.5/],
  [{ handshakeTimeoutMs: 2 ** 31 }, /handshakeTimeoutMs is 2147483648/],
  [{ handshakeTimeoutMs: '10s' }, /handshakeTimeoutMs is 10s/],
  [{ maxHandshakes: -1 }, /maxHandshakes is -1/],
  [{ origins: 'https://app.example' }, /origins is 'https:\/\/app.example'/],
  [{ origins: ['app.example'] }, /origins is 'app.example' in its list/],
  [{ origins: ['https://app.example/page'] }, /origins is/],
  [{ origins: ['*'] }, /origins is/],
  [{ origins: ['https://*.app.example'] }, /origins is 'https:\/\/\*.app.example' in its list/],
  [{ origins: [5] }, /origins is 5 in its list/],
  [{ origins: true }, /origins is true/],
  [{ headers: 'authorization: x' }, /headers is/],
  [{ headers: { authorization: 5 } }, /headers is wrong at 'authorization'/],
  [{ headers: { a: 'b\r\nc: d' } }, /headers is wrong at 'a'/],
  [{ headers: { 'a b': 'c' } }, /headers is wrong at 'a b'/],
  [{ headers: { 'Sec-WebSocket-Protocol': 'other' } }, /headers is with Sec-WebSocket-Protocol/],
  [{ origin: 'app.example' }, /origin is 'app.example'/],
  [{ tls: 'cert.pem' }, /tls is 'cert.pem'/],
]

describe('options', () => {
  it.each(WRONG)('%o is refused', (options, text) => {
    const error = refusal(options)
    expect(error.code).toBe('INVALID_ARGUMENT')
    expect(error.message).toMatch(text)
    expect(error.hint).not.toBe('')
  })

  it('are accepted at their bounds', () => {
    wsTransport({ highWaterMarkBytes: 1, handshakeTimeoutMs: 1, maxHandshakes: 1 })
    wsTransport({ highWaterMarkBytes: 2 ** 30, handshakeTimeoutMs: 2 ** 31 - 1, maxHandshakes: 2 ** 20 })
    wsTransport({ origins: '*', origin: 'null', headers: { authorization: 'Bearer x' }, tls: {} })
    wsTransport({ origins: ['https://app.example', 'null'] })
    wsTransport({ origins: () => true })
  })

  it('of one call come before those of the transport, and are checked too', async () => {
    const transport = wsTransport({ maxHandshakes: 5 })
    const endpoint = parseEndpoint('ws://127.0.0.1:0')
    const attempt = transport.listen(endpoint, { transport: { maxHandshakes: 0 } }, () => {})
    await expect(attempt).rejects.toThrow('maxHandshakes is 0')
    await expect(transport.connect(endpoint, { transport: { headers: 5 } })).rejects.toThrow('headers is 5')
  })

  it.each([
    [undefined, 'no certificate and key'],
    [{}, 'no certificate and key'],
    [{ cert: 'x' }, 'no certificate and key'],
    [{ cert: 'x', key: 'y' }, ''],
  ])('tls %o cannot listen on wss:', async (tls, text) => {
    const transport = wsTransport(tls === undefined ? {} : { tls })
    const attempt = transport.listen(parseEndpoint('wss://127.0.0.1:0'), {}, () => {})
    const error = await attempt.then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(UsageError)
    expect((error as UsageError).message).toContain(`the option tls is not usable: ${text}`)
    expect((error as UsageError).hint).toContain('tls: { cert, key }')
  })

  it.each(['ws://127.0.0.1:0/a?b', 'ws://127.0.0.1:0/a#b', 'ws://127.0.0.1:0/ä'])(
    'a path that no request has cannot be listened on: %s',
    async (url) => {
      await expect(wsTransport().listen(parseEndpoint(url), {}, () => {})).rejects.toThrow(UsageError)
    },
  )

  it('a URL that cannot be dialed is a wrong argument', async () => {
    await expect(wsTransport().connect(parseEndpoint('ws://127.0.0.1:1/a#b'), {})).rejects.toThrow(UsageError)
  })
})
