import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SessionDriver, type SessionDriverEvents } from '@peerplex/peer'
import { acceptAsEcho, type ChannelEvent, RecordingChannelSink, within } from '@peerplex/testkit'
import { createMemoryTransport } from '@peerplex/transport-port'
import { type Connection, parseEndpoint, type Transport } from '@peerplex/wire/transport'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { netTransport } from '../src/index.js'

// Nothing here takes long; a busy machine may.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const dir = mkdtempSync(join(tmpdir(), 'peerplex-'))
afterAll(() => rmSync(dir, { recursive: true }))

const SIDES: readonly (readonly [string, () => Transport, string])[] = [
  ['tcp', () => netTransport(), 'tcp://127.0.0.1:0'],
  ['unix', () => netTransport(), `unix:${dir}/s`],
  ['memory, bytes', () => createMemoryTransport(), 'memory:m'],
  ['memory, messages', () => createMemoryTransport(), 'memory:m?kind=message'],
]

interface Side {
  readonly driver: SessionDriver
  readonly ready: Promise<void>
  readonly released: Promise<void>
  readonly errors: unknown[]
}

function drive(connection: Connection, seed: number): Side {
  const errors: unknown[] = []
  let resolveReady = (): void => {}
  let resolveReleased = (): void => {}
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve
  })
  const released = new Promise<void>((resolve) => {
    resolveReleased = resolve
  })
  const events: SessionDriverEvents = {
    onHello: () => resolveReady(),
    onChannel: (channel) => acceptAsEcho(channel, new RecordingChannelSink()),
    onDrain: () => {},
    onRefFreed: () => {},
    onHandlerError: (error) => errors.push(error),
    onClose: (error) => {
      if (error !== null) errors.push(error)
    },
    onReleased: () => resolveReleased(),
    onUnexpectedError: (error) => errors.push(error),
  }
  const driver = new SessionDriver(connection, { instance: new Uint8Array(16).fill(seed) }, events)
  driver.start()
  return { driver, ready, released, errors }
}

/** One call: a message there, the same one back. */
async function call(side: Side, size: number): Promise<number> {
  let replyBytes = 0
  const sink = new RecordingChannelSink()
  const closed = new Promise<void>((resolve) => {
    sink.onEvent = (event: ChannelEvent) => {
      if (event.type === 'message') replyBytes += event.payload.length
      if (event.type === 'close') resolve()
    }
  })
  side.driver.session.open('echo', { message: new Uint8Array(size), isLast: true, sink })
  await within(closed, 'an answer')
  return replyBytes
}

describe.each(SIDES)('sessions over %s', (_name, makeTransport, url) => {
  it('call each other, small and large, and part in peace', async () => {
    const transport = makeTransport()
    let accept: (side: Side) => void = () => {}
    const accepted = new Promise<Side>((resolve) => {
      accept = resolve
    })
    const listener = await transport.listen(parseEndpoint(url), {}, (connection) =>
      accept(drive(connection, 2)),
    )
    const dialing = drive(await transport.connect(parseEndpoint(listener.url), {}), 1)
    const answering = await accepted
    await within(Promise.all([dialing.ready, answering.ready]), 'both HELLOs')
    expect(await call(dialing, 10)).toBe(10)
    expect(await call(answering, 10)).toBe(10)
    expect(await Promise.all([call(dialing, 3_000_000), call(answering, 3_000_000)])).toEqual([
      3_000_000, 3_000_000,
    ])
    dialing.driver.session.close()
    await within(Promise.all([dialing.released, answering.released]), 'both to be released')
    await listener.close()
    expect([...dialing.errors, ...answering.errors]).toEqual([])
  })
})
