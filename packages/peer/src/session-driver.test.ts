import {
  concat,
  data,
  equalBytes,
  goaway,
  hello,
  type NaiveFrame,
  naiveDecode,
  open,
  ping,
  preface,
  RAW_FLAG,
  type SessionEvent,
  toBytes,
  VirtualClock,
} from '@peerplex/testkit'
import {
  type Channel,
  type ConnectionKind,
  ERRORS,
  ProtocolError,
  type SessionLimits,
  TransportError,
  UsageError,
} from '@peerplex/wire'
import type { Connection, ConnectionSink } from '@peerplex/wire/transport'
import { describe, expect, it } from 'vitest'
import { SessionDriver, type SessionDriverEvents } from './session-driver.js'

const KINDS: readonly ConnectionKind[] = ['byte', 'message']
const NOBODY: ConnectionSink = { onData: () => {}, onDrain: () => {}, onEnd: () => {} }

/** A connection that writes down what is done with it, in order, and copies what it is given. */
class FakeConnection implements Connection {
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
function start(options: SetupOptions = {}): Setup {
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
async function setUp(options: SetupOptions = {}): Promise<Setup> {
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
async function endOfTurn(): Promise<void> {
  for (let count = 0; count < 10; count++) await Promise.resolve()
}

/** A frame type outside all ranges. */
const violation = (): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0])

/** Opens a channel and sends more than a connection without room takes. */
function sendMuch(driver: SessionDriver, bytes: number): Channel {
  const channel = driver.session.open('much')
  for (let sent = 0; sent < bytes; sent += 16_384) channel.send(new Uint8Array(16_384))
  return channel
}

describe.each(KINDS)('output on a %s connection', (kind) => {
  it('begins with preface and HELLO as the kind wants it, once the turn is over', async () => {
    const { connection } = start({ kind })
    expect(connection.log).toEqual([])
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    expect(connection.newKinds()).toEqual(['HELLO'])
  })

  it('shares one write when it arises in one turn', async () => {
    const { connection, driver } = await setUp({ kind })
    for (let count = 0; count < 20; count++) driver.session.open('echo', { message: toBytes('x') })
    expect(connection.log).toEqual([])
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    expect(connection.newKinds()).toEqual(Array.from({ length: 20 }, () => 'OPEN'))
    driver.session.open('echo')
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'write'])
  })

  it('answers what arrives in the turn in which it arrives', async () => {
    const { connection } = await setUp({ kind })
    connection.sink.onData(ping())
    expect(connection.log).toEqual([])
    await endOfTurn()
    expect(connection.newKinds()).toEqual(['PONG'])
  })

  it('stops when the connection has no room and goes on when it has [MSG-027]', async () => {
    const { connection, driver } = await setUp({ kind })
    connection.hasRoom = false
    const channel = sendMuch(driver, 200_000)
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    const firstBytes = connection.writes.at(-1)?.length as number
    expect(firstBytes).toBeLessThanOrEqual(65_536 + 16_384 + 100)
    expect(channel.bufferedBytes).toBeGreaterThan(100_000)

    // Neither new output nor time makes it write: only room does.
    connection.sink.onData(ping())
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    connection.sink.onDrain()
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'write'])
    connection.hasRoom = true
    connection.sink.onDrain()
    await endOfTurn()
    expect(channel.bufferedBytes).toBe(0)
    const frames = connection.newFrames()
    expect(frames.filter((frame) => frame.kind === 'DATA')).toHaveLength(13)
    // What was owed meanwhile went ahead of the data that was not committed.
    const kinds = frames.map((frame) => frame.kind)
    expect(kinds.indexOf('PONG')).toBeLessThan(kinds.lastIndexOf('DATA'))
  })

  it('goes out in writes of whole frames, each far below a transport message of 1 MiB [WST-001]', async () => {
    const { connection, driver } = await setUp({ kind, limits: { connectionWindowBytes: 2 ** 24 } })
    for (let count = 0; count < 8; count++) sendMuch(driver, 240_000)
    await endOfTurn()
    expect(connection.writes.length).toBeGreaterThan(5)
    for (const write of connection.writes.slice(1)) {
      const { error, restBytes } = naiveDecode(write, { helloSeen: true })
      expect([error, restBytes]).toEqual([undefined, 0])
      expect(write.length).toBeLessThan(2 ** 20)
    }
  })

  it('may be added to by what is called while it is collected', async () => {
    const { connection, driver } = await setUp({ kind })
    let sentCount = 0
    const sendSome = (channel: Channel): void => {
      while (sentCount < 12) {
        sentCount++
        if (!channel.send(new Uint8Array(16_384))) return
      }
      channel.end()
    }
    const sink = { onMessage: () => {}, onWritable: sendSome }
    sendSome(driver.session.open('x', { sink }))
    expect(sentCount).toBeLessThan(12)
    await endOfTurn()
    const frames = connection.newFrames().filter((frame) => frame.kind === 'DATA')
    expect(frames.reduce((sum, frame) => sum + frame.payload.length, 0)).toBe(12 * 16_384)
    expect(frames.filter((frame) => (frame.flags & RAW_FLAG.FIN) !== 0)).toHaveLength(1)
  })
})

describe('time', () => {
  it('is one timer, at the earliest time that the session asked for', async () => {
    const { clock, driver } = await setUp()
    expect(clock.pendingTimerCount).toBe(1)
    expect(clock.nextTimerMs).toBe(1000 + 15_000)
    driver.session.open('x', { timeoutMs: 100 })
    driver.session.open('x', { timeoutMs: 50 })
    driver.session.open('x', { timeoutMs: 200 })
    expect([clock.pendingTimerCount, clock.nextTimerMs]).toEqual([1, 1050])
  })

  it('makes the session tick again and again', async () => {
    const { clock, connection, driver } = await setUp()
    driver.session.open('x', { timeoutMs: 50 })
    driver.session.open('x', { timeoutMs: 100 })
    await endOfTurn()
    clock.advance(50)
    await endOfTurn()
    clock.advance(50)
    await endOfTurn()
    expect(connection.newKinds()).toEqual(['OPEN', 'OPEN', 'RESET', 'RESET'])
    clock.advance(15_000)
    await endOfTurn()
    expect(connection.newKinds()).toEqual(['PING'])
    expect(clock.pendingTimerCount).toBe(1)
  })

  it('gives up on a side that says nothing [PRE-011]', async () => {
    const { clock, connection, events } = start()
    await endOfTurn()
    clock.advance(10_000)
    await endOfTurn()
    expect(events).toEqual(['close HELLO_TIMEOUT'])
    expect(connection.newKinds()).toEqual(['HELLO', 'GOAWAY'])
    clock.advance(1_000)
    expect(connection.ending).toEqual([`end ${4000 + ERRORS.HELLO_TIMEOUT.wireCode}`, 'destroy'])
    expect(clock.pendingTimerCount).toBe(0)
  })
})

describe.each(KINDS)('a good end on a %s connection', (kind) => {
  it('hands over the rest, ends the output, and waits for the other side to end', async () => {
    const { clock, connection, driver, events } = await setUp({ kind })
    driver.session.open('x')
    driver.session.close()
    expect(events).toEqual(['hello', 'close null'])
    expect(connection.log).toEqual([])
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'end 1000'])
    expect(connection.newKinds()).toEqual(['OPEN', 'GOAWAY', 'RESET'])
    connection.sink.onData(ping())
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'end 1000'])
    connection.sink.onEnd(undefined)
    expect(connection.log).toEqual(['write', 'end 1000', 'destroy'])
    expect(events).toEqual(['hello', 'close null', 'released'])
    expect([driver.isReleased, clock.pendingTimerCount]).toEqual([true, 0])
  })

  it('waits for room before it ends the output', async () => {
    const { connection, driver } = await setUp({ kind })
    connection.hasRoom = false
    sendMuch(driver, 200_000)
    await endOfTurn()
    driver.session.close()
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    connection.hasRoom = true
    connection.sink.onDrain()
    await endOfTurn()
    expect(connection.ending).toEqual(['end 1000'])
    expect(connection.newKinds().slice(-2)).toEqual(['GOAWAY', 'RESET'])
  })

  it('does not wait for ever, neither for room nor for the other side', async () => {
    for (const hasRoom of [false, true]) {
      const { clock, connection, driver, events } = await setUp({ kind })
      connection.hasRoom = hasRoom
      sendMuch(driver, 200_000)
      await endOfTurn()
      driver.session.close()
      await endOfTurn()
      clock.advance(3_999)
      expect(connection.ending).toEqual(hasRoom ? ['end 1000'] : [])
      clock.advance(1)
      expect(connection.ending.at(-1)).toBe('destroy')
      expect(events.at(-1)).toBe('released')
      expect(clock.pendingTimerCount).toBe(0)
    }
  })

  it('comes by itself when a drain is over [DRN-018]', async () => {
    const { connection, driver, events } = await setUp({ kind })
    connection.sink.onData(goaway({ flags: RAW_FLAG.FINAL }))
    await endOfTurn()
    expect(events).toEqual(['hello', 'drain', 'close null'])
    expect(connection.ending).toEqual(['end 1000'])
    expect(driver.isReleased).toBe(false)
  })

  it('may be decided while output is collected', async () => {
    const { connection, driver, events } = await setUp({ kind })
    const channel = driver.session.open('x', {
      sink: { onMessage: () => {}, onWritable: () => driver.session.close() },
    })
    while (channel.send(new Uint8Array(16_384)));
    await endOfTurn()
    expect(events.at(-1)).toBe('close null')
    expect(connection.newKinds().slice(-2)).toEqual(['GOAWAY', 'RESET'])
    expect(connection.ending).toEqual(['end 1000'])
  })
})

describe.each(KINDS)('a connection error of ours on a %s connection', (kind) => {
  it('sends GOAWAY, reads on without looking, and destroys after a second [ERR-014] [ERR-015] [ERR-016] [ERR-017]', async () => {
    const { clock, connection, errors, events } = await setUp({ kind })
    connection.sink.onData(concat([violation(), open({ name: 'never' })]))
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'end 4064'])
    const frames = connection.newFrames()
    expect(frames).toMatchObject([{ kind: 'GOAWAY', flags: RAW_FLAG.FINAL, code: 64 }])
    expect(errors).toEqual([expect.any(ProtocolError)])
    connection.sink.onData(open({ name: 'never either' }))
    clock.advance(999)
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'end 4064'])
    clock.advance(1)
    expect(connection.log).toEqual(['write', 'end 4064', 'destroy'])
    expect(events).toEqual(['hello', 'close PROTOCOL_ERROR', 'released'])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it('destroys as soon as the other side has ended', async () => {
    const { clock, connection, events } = await setUp({ kind })
    connection.sink.onData(violation())
    await endOfTurn()
    connection.sink.onEnd(undefined)
    expect(connection.log).toEqual(['write', 'end 4064', 'destroy'])
    expect(events).toEqual(['hello', 'close PROTOCOL_ERROR', 'released'])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it('sends GOAWAY even where there is no room', async () => {
    const { connection, driver } = await setUp({ kind })
    connection.hasRoom = false
    sendMuch(driver, 200_000)
    await endOfTurn()
    connection.newFrames()
    connection.sink.onData(violation())
    await endOfTurn()
    expect(connection.newKinds()).toEqual(['GOAWAY'])
    expect(connection.ending).toEqual(['end 4064'])
  })
})

describe('an error of the other side', () => {
  it('destroys a byte connection at once, without an answer [ERR-019]', async () => {
    const { clock, connection, events } = await setUp()
    connection.sink.onData(goaway({ flags: RAW_FLAG.FINAL, code: ERRORS.FLOW_CONTROL.wireCode }))
    expect(connection.log).toEqual(['destroy'])
    await endOfTurn()
    expect(connection.log).toEqual(['destroy'])
    expect(events).toEqual(['hello', 'close FLOW_CONTROL', 'released'])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it('closes a message connection with its code [WST-010]', async () => {
    const { connection } = await setUp({ kind: 'message' })
    connection.sink.onData(goaway({ flags: RAW_FLAG.FINAL, code: ERRORS.ENHANCE_CALM.wireCode }))
    expect(connection.log).toEqual([`end ${4000 + ERRORS.ENHANCE_CALM.wireCode}`, 'destroy'])
  })
})

describe.each(KINDS)('the end of the input on a %s connection', (kind) => {
  it('is the loss of the connection, which is destroyed at once [PRE-002]', async () => {
    const { clock, connection, driver, errors, events } = await setUp({ kind })
    const outcomes: string[] = []
    driver.session.open('x', {
      sink: { onMessage: () => {}, onClose: (outcome) => outcomes.push(outcome.delivery) },
    })
    await endOfTurn()
    connection.log.length = 0
    const cause = new Error('wire cut')
    connection.sink.onEnd(cause)
    expect(connection.log).toEqual(['destroy'])
    expect(outcomes).toEqual(['unknown'])
    expect(events).toEqual(['hello', 'close UNAVAILABLE', 'released'])
    expect(errors[0]).toBeInstanceOf(TransportError)
    expect((errors[0] as Error).cause).toBe(cause)
    expect([driver.isReleased, clock.pendingTimerCount]).toEqual([true, 0])
  })

  it('makes everything later a matter of nobody', async () => {
    const { clock, connection, driver, events } = await setUp({ kind })
    const channel = driver.session.open('x')
    connection.sink.onEnd(undefined)
    const before = [...events]
    connection.sink.onData(open())
    connection.sink.onDrain()
    connection.sink.onEnd(undefined)
    channel.send(toBytes('late'))
    channel.reset()
    driver.session.close()
    clock.advance(100_000)
    await endOfTurn()
    expect(connection.log).toEqual(['destroy'])
    expect(events).toEqual(before)
  })
})

describe('a connection that ends while output is collected', () => {
  it('is not written to any more', async () => {
    const { connection, driver, events } = await setUp()
    const sink = { onMessage: () => {}, onWritable: () => connection.sink.onEnd(undefined) }
    const channel = driver.session.open('x', { sink })
    while (channel.send(new Uint8Array(16_384)));
    await endOfTurn()
    expect(connection.log.at(-1)).toBe('destroy')
    expect(events).toEqual(['hello', 'close UNAVAILABLE', 'released'])
  })
})

describe('what throws', () => {
  const boom = (): never => {
    throw new Error('boom')
  }

  it('in a callback is reported and changes nothing', async () => {
    const callbacks = { onHello: boom, onDrain: boom, onClose: boom, onReleased: boom }
    const { connection, events } = await setUp({ callbacks })
    connection.sink.onData(goaway({ flags: RAW_FLAG.FINAL }))
    await endOfTurn()
    connection.sink.onEnd(undefined)
    const told = ['hello', 'drain', 'close null', 'released']
    expect(events).toEqual(told.flatMap((event) => [event, 'unexpected boom']))
    expect(connection.ending).toEqual(['end 1000', 'destroy'])
  })

  it('in the reporting of errors is forgotten', async () => {
    const callbacks = { onHello: boom, onUnexpectedError: boom, onHandlerError: boom, onChannel: boom }
    const { connection, driver, events } = await setUp({ callbacks })
    connection.sink.onData(open())
    await endOfTurn()
    expect(events).toEqual(['hello', 'unexpected boom', 'channel echo', 'handlerError', 'unexpected boom'])
    expect(driver.session.isOpen).toBe(true)
  })

  it('in onChannel or in the sink of a channel ends that channel only', async () => {
    const { connection, driver, events } = await setUp({
      callbacks: {
        onChannel: (channel) => {
          if (channel.name === 'bad') boom()
          channel.accept({ onMessage: boom })
        },
      },
    })
    connection.sink.onData(
      concat([open({ name: 'bad' }), open({ name: 'good', chan: 3 }), data({ chan: 3, payload: 'x' })]),
    )
    await endOfTurn()
    expect(events).toEqual(['hello', 'channel bad', 'handlerError', 'channel good', 'handlerError'])
    expect(connection.newFrames()).toMatchObject([
      { kind: 'END', chan: -1, code: ERRORS.UNKNOWN.wireCode },
      { kind: 'END', chan: -3, code: ERRORS.UNKNOWN.wireCode },
    ])
    expect(driver.session.isOpen).toBe(true)
  })

  it('in the connection is the loss of the connection', async () => {
    const { clock, connection, driver, errors, events } = await setUp()
    connection.onWrite = boom
    driver.session.open('x')
    await endOfTurn()
    expect(events).toEqual(['hello', 'close UNAVAILABLE', 'released'])
    expect((errors[0] as Error).cause).toEqual(new Error('boom'))
    expect(connection.ending).toEqual(['destroy'])
    expect(clock.pendingTimerCount).toBe(0)
  })

  it.each(['receive', 'takeOutput', 'tick'] as const)(
    'in %s of the session is the loss of the connection',
    async (method) => {
      const { clock, connection, driver, errors, events } = await setUp()
      driver.session.open('x', { timeoutMs: 10 })
      Object.defineProperty(driver.session, method, { value: boom })
      if (method === 'receive') connection.sink.onData(ping())
      await endOfTurn()
      if (method === 'tick') clock.advance(10)
      expect(events).toEqual(['hello', 'close UNAVAILABLE', 'released'])
      expect((errors[0] as Error).cause).toEqual(new Error('boom'))
      expect(connection.ending).toEqual(['destroy'])
    },
  )

  it('while the connection is destroyed is reported', async () => {
    const { connection, events } = await setUp()
    connection.onDestroy = boom
    connection.sink.onEnd(undefined)
    expect(events).toEqual(['hello', 'close UNAVAILABLE', 'unexpected boom', 'released'])
  })

  it('in the constructor leaves the connection to its owner', () => {
    const connection = new FakeConnection('byte')
    const events = { onChannel: () => {}, onClose: () => {} }
    expect(() => new SessionDriver(connection, { instance: new Uint8Array(3) }, events)).toThrow(UsageError)
    expect(connection.sink).toBe(NOBODY)
  })
})
