import { ConnectionRecorder, ContractWatch } from '@peerplex/testkit'
import { type Connection, parseEndpoint } from '@peerplex/wire/transport'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type WsTransportOptions, wsTransport } from '../src/index.js'

/** Two ends of one connection; nobody has taken them yet. */
async function connect(
  options: WsTransportOptions = {},
): Promise<[dialed: Connection, accepted: Connection]> {
  const transport = wsTransport(options)
  const accepted: Connection[] = []
  const listener = await transport.listen(parseEndpoint('ws://127.0.0.1:0'), {}, (each) =>
    accepted.push(each),
  )
  const dialed = await transport.connect(parseEndpoint(listener.url), {})
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await listener.close()
  const pair: [Connection, Connection] = [dialed, accepted[0] as Connection]
  onTestFinished(() => {
    for (const each of pair) each.destroy()
  })
  return pair
}

const recorder = (connection: Connection): ConnectionRecorder =>
  new ConnectionRecorder(connection, connection.url, new ContractWatch())

describe('a connection on Node', () => {
  it.each([true, false])(
    'says that there is room when nothing is held back any more, dialed: %s',
    async (isDialed) => {
      const pair = await connect()
      const [from, to] = isDialed ? pair : [pair[1], pair[0]]
      let heldBytes = -1
      const drained = new Promise<void>((resolve, reject) => {
        from.sink = {
          onData: () => {},
          onDrain: () => {
            heldBytes = from.bufferedBytes ?? -1
            resolve()
          },
          onEnd: () => reject(new Error('ended')),
        }
      })
      // Nobody reads over there: most of it stays here.
      for (let i = 0; i < 64; i++) from.write([new Uint8Array(1_000_000)])
      expect(from.bufferedBytes).toBeGreaterThan(10_000_000)
      recorder(to)
      await drained
      expect(heldBytes).toBe(0)
    },
  )

  it('asks to wait above highWaterMarkBytes, and not below', async () => {
    const [dialed] = await connect({ highWaterMarkBytes: 50_000_000 })
    recorder(dialed)
    for (let i = 0; i < 49; i++) expect(dialed.write([new Uint8Array(1_000_000)])).toBe(true)
    let count = 49
    while (dialed.write([new Uint8Array(1_000_000)])) count += 1
    expect(dialed.bufferedBytes).toBeGreaterThan(50_000_000)
    expect(dialed.bufferedBytes).toBeLessThanOrEqual(51_100_000)
    expect(count).toBeLessThan(64)
  })

  it.each([
    [0, 1000, true],
    [1000, 1000, true],
    [4065, 4065, true],
    [1002, 1002, false],
    [1003, 1003, false],
    [1009, 1009, false],
  ])('ended with %s closes with %s; clean at the other side: %s', async (asked, said, isClean) => {
    const [dialed, accepted] = await connect()
    const [here, there] = [recorder(dialed), recorder(accepted)]
    dialed.end(asked)
    expect(await here.ended()).toBe(undefined)
    const error = await there.ended()
    if (isClean) expect(error).toBe(undefined)
    else expect(error?.message).toContain(`closed the WebSocket with ${said}`)
  })

  it('sends parts as one message, and nothing for nothing', async () => {
    const [dialed, accepted] = await connect()
    const [here, there] = [recorder(dialed), recorder(accepted)]
    here.write()
    here.write(new Uint8Array(0))
    here.write(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))
    here.write(Uint8Array.of(4))
    await there.received(4)
    expect(there.chunks.map((each) => [...each])).toEqual([[1, 2, 3], [4]])
  })

  it('leaves what it was given to send as it was', async () => {
    const [dialed, accepted] = await connect()
    const [here, there] = [recorder(dialed), recorder(accepted)]
    const part = new Uint8Array(10_000).fill(7)
    here.write(part)
    here.write(part)
    await there.received(20_000)
    expect(part.every((each) => each === 7)).toBe(true)
  })
})
