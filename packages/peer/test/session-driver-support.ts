/**
 * Owns: a session driver under a test's control: on a connection that writes down what is done with it, with a clock that only
 * moves when told to.
 * Must not know: what is tested.
 */
import {
  concat,
  equalBytes,
  hello,
  type NaiveFrame,
  naiveDecode,
  preface,
  type SessionEvent,
  VirtualClock,
} from '@peerplex/testkit'
import type { Channel, ConnectionKind, SessionLimits } from '@peerplex/wire'
import type { Connection, ConnectionSink } from '@peerplex/wire/transport'
import { expect } from 'vitest'
import { SessionDriver, type SessionDriverEvents } from '../src/session-driver.js'

export const KINDS: readonly ConnectionKind[] = ['byte', 'message']
export const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** A connection that writes down what is done with it, in order, and copies what it is given. */
export class FakeConnection implements Connection {
  readonly kind: ConnectionKind
  readonly url = 'fake:'
  sink: ConnectionSink = NOBODY
  readonly log: string[] = []
  readonly writes: Uint8Array[] = []
  /** What `write` returns. */
  hasRoom = true
  /** Called by these methods, to throw or to look around. */
  onWrite: () => void = () => {}
  onDestroy: () => void = () => {}
  #shownCount = 0

  constructor(kind: ConnectionKind) {
    this.kind = kind
  }

  write(parts: readonly Uint8Array[]): boolean {
    expect(parts.length).toBeGreaterThan(0)
    this.log.push('write')
    this.writes.push(concat(parts.map((part) => part.slice())))
    this.onWrite()
    return this.hasRoom
  }

  end(closeCode: number): void {
    this.log.push(`end ${closeCode}`)
  }

  destroy(): void {
    this.log.push('destroy')
    this.onDestroy()
  }

  /** What was done, without the writes. */
  get ending(): string[] {
    return this.log.filter((line) => line !== 'write')
  }

  /** The frames of all writes since the last call, checked by the naive codec. */
  newFrames(): NaiveFrame[] {
    const isFirst = this.#shownCount === 0 && this.kind === 'byte' && this.writes.length > 0
    const bytes = concat(this.writes.slice(this.#shownCount))
    const helloSeen = this.#shownCount > 0
    this.#shownCount = this.writes.length
    if (isFirst) expect(equalBytes(bytes.slice(0, 8), preface())).toBe(true)
    const result = naiveDecode(bytes.slice(isFirst ? 8 : 0), { helloSeen, maxFrame: 2 ** 24 - 1 })
    expect([result.error, result.restBytes]).toEqual([undefined, 0])
    return result.frames
  }

  newKinds(): string[] {
    return this.newFrames().map((frame) => frame.kind)
  }
}

interface Setup {
  readonly connection: FakeConnection
  readonly clock: VirtualClock
  readonly driver: SessionDriver
  readonly events: string[]
  readonly errors: unknown[]
}

interface SetupOptions {
  readonly kind?: ConnectionKind
  readonly limits?: Partial<SessionLimits>
  readonly callbacks?: Partial<SessionDriverEvents>
}

/** A started driver on a fake connection; `callbacks` are called after the call was written down. */
export function start(options: SetupOptions = {}): Setup {
  const { kind = 'byte', callbacks = {}, limits = {} } = options
  const connection = new FakeConnection(kind)
  const clock = new VirtualClock(1000)
  const events: string[] = []
  const errors: unknown[] = []
  const note = (name: SessionEvent['type'] | 'released' | 'unexpected', text = ''): void => {
    events.push(text === '' ? name : `${name} ${text}`)
  }
  const driver = new SessionDriver(
    connection,
    { instance: new Uint8Array(16).fill(0xaa), clock, limits },
    {
      onHello: (info) => {
        note('hello')
        callbacks.onHello?.(info)
      },
      onChannel: (channel) => {
        note('channel', channel.name)
        callbacks.onChannel?.(channel)
      },
      onDrain: (info) => {
        note('drain')
        callbacks.onDrain?.(info)
      },
      onRefFreed: (refId) => {
        note('refFreed')
        callbacks.onRefFreed?.(refId)
      },
      onHandlerError: (error, channel) => {
        note('handlerError')
        callbacks.onHandlerError?.(error, channel)
      },
      onClose: (error) => {
        note('close', error?.code ?? 'null')
        errors.push(error)
        callbacks.onClose?.(error)
      },
      onReleased: () => {
        note('released')
        callbacks.onReleased?.()
      },
      onUnexpectedError: (error) => {
        note('unexpected', (error as Error).message)
        callbacks.onUnexpectedError?.(error)
      },
    },
  )
  driver.start()
  return { connection, clock, driver, events, errors }
}

/** The same once the other side's HELLO has come; what was written so far is put aside. */
export async function setUp(options: SetupOptions = {}): Promise<Setup> {
  const setup = start(options)
  setup.connection.sink.onData(greeting(setup.connection.kind))
  await endOfTurn()
  setup.connection.newFrames()
  setup.connection.log.length = 0
  return setup
}

function greeting(kind: ConnectionKind): Uint8Array {
  return kind === 'byte' ? concat([preface(), hello()]) : hello()
}

/** Everything that was put off to the end of the turn has happened. */
export async function endOfTurn(): Promise<void> {
  for (let count = 0; count < 10; count++) await Promise.resolve()
}

/** A frame type outside all ranges. */
export const violation = (): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0])

/** Opens a channel and sends more than a connection without room takes. */
export function sendMuch(driver: SessionDriver, bytes: number): Channel {
  const channel = driver.session.open('much')
  for (let sent = 0; sent < bytes; sent += 16_384) channel.send(new Uint8Array(16_384))
  return channel
}
