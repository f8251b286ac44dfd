// What a session driver does between its session and its connection while both live: output, time, and whatever throws.
import {
  concat,
  credit,
  data,
  goaway,
  hello,
  naiveDecode,
  open,
  ping,
  preface,
  RAW_FLAG,
  toBytes,
} from '@peerplex/testkit'
import { type Channel, ERRORS, UsageError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import {
  endOfTurn,
  FakeConnection,
  KINDS,
  NOBODY,
  sendMuch,
  setUp,
  start,
} from '../test/session-driver-support.js'
import { SessionDriver } from './session-driver.js'

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
    expect(channel.bufferedBytes).toBeGreaterThan(80_000)

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

  it('leaves in the middle of a turn that has much, and the rest at its end', async () => {
    const { connection, driver } = await setUp({ kind })
    const channel = driver.session.open('x')
    for (let count = 0; count < 100; count++) channel.send(new Uint8Array(100))
    const earlyCount = connection.log.length
    expect(earlyCount).toBeGreaterThan(3)
    expect(new Set(connection.log)).toEqual(new Set(['write']))
    await endOfTurn()
    expect(connection.log.length).toBe(earlyCount + 1)
    expect(connection.newFrames().filter((frame) => frame.kind === 'DATA')).toHaveLength(100)
    // As much again goes out in fewer parts: a turn that commits much writes about four.
    connection.log.length = 0
    for (let count = 0; count < 100; count++) channel.send(new Uint8Array(100))
    await endOfTurn()
    expect(connection.log.length).toBeLessThan(earlyCount)
    expect(connection.log.length).toBeGreaterThan(2)
  })

  it('leaves in quarters of what is under way where calls wait for answers', async () => {
    const { connection, driver } = await setUp({ kind })
    const call = (count: number) => {
      for (let at = 0; at < count; at++)
        driver.session.open('x', { message: new Uint8Array(100), isLast: true })
    }
    call(256)
    await endOfTurn()
    // What earlier turns came to is forgotten by then; 264 calls of some 125 bytes wait.
    for (let turn = 0; turn < 8; turn++) {
      call(1)
      await endOfTurn()
    }
    connection.log.length = 0
    call(48)
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
    call(160)
    await endOfTurn()
    expect(connection.log.length).toBeGreaterThan(2)
  })

  it('leaves in larger parts where calls are answered: those come in quarters already', async () => {
    const onChannel = (channel: Channel): void => {
      channel.accept({ onMessage: () => {} })
      channel.sendLast(new Uint8Array(100))
      channel.settle()
    }
    const { connection } = await setUp({ kind, callbacks: { onChannel } })
    const asked = (from: number) => {
      const calls = Array.from({ length: 64 }, (_, at) => {
        return open({ chan: from + at, flags: RAW_FLAG.MSG | RAW_FLAG.FIN, payload: 'x' })
      })
      connection.sink.onData(concat(calls))
    }
    asked(1)
    await endOfTurn()
    connection.log.length = 0
    asked(65)
    await endOfTurn()
    // 64 answers are 7 KiB.
    expect(connection.log).toEqual(['write'])
  })

  it('keeps the measure of a large turn over a small one: a stream is told of room in one and fills it in the next', async () => {
    const { connection, driver } = await setUp({ kind })
    const channel = driver.session.open('x')
    const send = async (count: number) => {
      connection.log.length = 0
      for (let at = 0; at < count; at++) channel.send(new Uint8Array(1_000))
      await endOfTurn()
      return connection.log.length
    }
    await send(100)
    await send(1)
    expect(await send(20)).toBeLessThanOrEqual(3)
  })

  it('does not leave in the middle of a turn when it is little, or when there is no room', async () => {
    const { connection, driver } = await setUp({ kind })
    const channel = driver.session.open('x')
    for (let count = 0; count < 5; count++) channel.send(new Uint8Array(100))
    expect(connection.log).toEqual([])
    await endOfTurn()
    connection.hasRoom = false
    for (let count = 0; count < 20; count++) channel.send(new Uint8Array(100))
    expect(connection.log).toEqual(['write', 'write'])
    await endOfTurn()
    expect(connection.log).toEqual(['write', 'write'])
  })

  it('waits for what comes a few microtasks later, and shares a write with it', async () => {
    const { connection, driver } = await setUp({ kind })
    const channel = driver.session.open('x')
    await endOfTurn()
    connection.log.length = 0
    // As an async generator does it.
    for (let count = 0; count < 5; count++) {
      channel.send(new Uint8Array(10))
      for (let microtasks = 0; microtasks < 3; microtasks++) await undefined
    }
    expect(connection.log).toEqual([])
    await endOfTurn()
    expect(connection.log).toEqual(['write'])
  })

  it('does not wait for ever while more comes', async () => {
    const { connection, driver } = await setUp({ kind })
    const channel = driver.session.open('x')
    // After a turn of so much, the next one makes no early write of a few empty messages.
    channel.send(new Uint8Array(32_768))
    await endOfTurn()
    connection.log.length = 0
    let microtasks = 0
    while (connection.log.length === 0 && microtasks < 300) {
      channel.send(new Uint8Array(0))
      await undefined
      microtasks++
    }
    expect(microtasks).toBeGreaterThan(250)
    expect(microtasks).toBeLessThan(300)
  })

  it('goes on when credit comes for opens that were asked for one turn after another', async () => {
    const { connection, driver } = await setUp({ kind })
    const waitingCount = (): number => driver.session.stats().openingChannels
    // The first one that waits finds out that credit lacks; those behind it have nothing to give when they come.
    for (let count = 0; count < 1_000 && waitingCount() < 3; count++) {
      driver.session.open('x', { message: new Uint8Array(16_384), isLast: true })
      await endOfTurn()
    }
    expect(waitingCount()).toBe(3)
    connection.newFrames()
    connection.sink.onData(credit({ chan: 0, byteLimit: 2 ** 30, countLimit: 10_000 }))
    await endOfTurn()
    expect(waitingCount()).toBe(0)
    expect(connection.newKinds().filter((frame) => frame === 'OPEN').length).toBeGreaterThanOrEqual(3)
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
    connection.hasRoom = false
    sendSome(driver.session.open('x', { sink }))
    expect(sentCount).toBeLessThan(12)
    await endOfTurn()
    connection.hasRoom = true
    connection.sink.onDrain()
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

describe('memory of what was written', () => {
  /** Holds on to the parts, as a socket does that could not write them at once. */
  class HoldingConnection extends FakeConnection {
    readonly returnsParts = true
    bufferedBytes = 0
    readonly held: Uint8Array[] = []

    override write(parts: readonly Uint8Array[]): boolean {
      this.held.push(...parts)
      return super.write(parts)
    }
  }

  async function hold(): Promise<{
    connection: HoldingConnection
    send: (text: string) => Promise<Uint8Array>
  }> {
    const connection = new HoldingConnection('byte')
    const driver = new SessionDriver(
      connection,
      { instance: new Uint8Array(16) },
      { onChannel: () => {}, onClose: () => {} },
    )
    driver.start()
    connection.sink.onData(concat([preface(), hello()]))
    await endOfTurn()
    const send = async (text: string): Promise<Uint8Array> => {
      driver.session.open('echo', { message: toBytes(text) })
      await endOfTurn()
      return connection.held.at(-1) as Uint8Array
    }
    return { connection, send }
  }

  it('is used again once the connection counts nothing any more', async () => {
    const { send } = await hold()
    const first = await send('one')
    const second = await send('two')
    expect([second.buffer, second.byteOffset]).toEqual([first.buffer, first.byteOffset])
  })

  it('stays as it is while the connection counts some of it, until it has room again', async () => {
    const { connection, send } = await hold()
    connection.bufferedBytes = 1
    const first = await send('one')
    const was = first.slice()
    const second = await send('two')
    expect(first).toEqual(was)
    expect(second.byteOffset).toBeGreaterThan(first.byteOffset)
    connection.bufferedBytes = 0
    connection.sink.onDrain()
    await endOfTurn()
    const third = await send('six')
    expect([third.buffer, third.byteOffset]).toEqual([first.buffer, first.byteOffset])
  })
})
