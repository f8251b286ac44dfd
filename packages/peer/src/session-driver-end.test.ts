// How a session driver and its connection end: well, by an error of either side, or because the connection is lost.
import { concat, goaway, open, ping, RAW_FLAG, toBytes } from '@peerplex/testkit'
import { ERRORS, ProtocolError, TransportError } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { endOfTurn, KINDS, sendMuch, setUp, violation } from '../test/session-driver-support.js'

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
    connection.hasRoom = false
    while (channel.send(new Uint8Array(16_384)));
    await endOfTurn()
    connection.hasRoom = true
    connection.sink.onDrain()
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
    connection.hasRoom = false
    while (channel.send(new Uint8Array(16_384)));
    await endOfTurn()
    connection.hasRoom = true
    connection.sink.onDrain()
    await endOfTurn()
    expect(connection.log.at(-1)).toBe('destroy')
    expect(events).toEqual(['hello', 'close UNAVAILABLE', 'released'])
  })
})
