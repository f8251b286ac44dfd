/**
 * What somebody sees who stands in between: real frames, in pieces of any size, with and without WebSocket around them.
 */
import { concat, data, goaway, open, preface, Random, randomChunks, reset } from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { CountedConnection, SpoilableConnection } from '../processes/watched-connection.mjs'

const FIN = 0x01
const ONEWAY = 0x20
const HEAD = new TextEncoder().encode('GET /peer HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')

/** A frame of WebSocket, masked as a client does it, or not. */
function web(payload: Uint8Array, mask: readonly number[] = [], opcode = 2): Uint8Array {
  const bit = mask.length > 0 ? 0x80 : 0
  const { length } = payload
  const size = Buffer.alloc(8)
  let sizeBytes = [length | bit]
  if (length >= 126 && length < 65_536) {
    size.writeUInt16BE(length)
    sizeBytes = [126 | bit, ...size.subarray(0, 2)]
  } else if (length >= 65_536) {
    size.writeBigUInt64BE(BigInt(length))
    sizeBytes = [127 | bit, ...size]
  }
  const masked = payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0))
  return concat([Uint8Array.from([0x80 | opcode, ...sizeBytes, ...mask]), masked])
}

const call = (chan: number, payload = 'x'): Uint8Array => open({ chan, name: 'unary', payload, flags: FIN })
const answer = (chan: number, payload = 'y'): Uint8Array => data({ chan: -chan, payload, flags: FIN })

describe('calls under way', () => {
  const calls = [call(1), call(2, 'p'.repeat(300)), call(3, 'p'.repeat(70_000)), call(4)]
  const answers = [answer(2), answer(3, 'q'.repeat(70_000))]
  const ways = {
    bytes: {
      isWeb: false,
      sent: concat([preface(), ...calls]),
      received: concat([preface(), ...answers]),
    },
    WebSocket: {
      isWeb: true,
      sent: concat([
        HEAD,
        web(Uint8Array.of(1, 2), [9, 8, 7, 6], 9),
        ...calls.map((each) => web(each, [1, 2, 3, 4])),
      ]),
      received: concat([HEAD, ...answers.map((each) => web(each))]),
    },
  }

  it.each(Object.entries(ways))(
    'are those without an answer, however %s are cut',
    (_, { isWeb, sent, received }) => {
      for (const seed of [1, 2, 3]) {
        const rng = new Random(seed)
        const connection = new CountedConnection(isWeb)
        for (const piece of randomChunks(sent, rng)) connection.sent(piece)
        for (const piece of randomChunks(received, rng)) connection.received(piece, 0)
        expect(connection.count(false, 0)).toBe(2)
      }
    },
  )

  it('may be those whose answers went on just before a reset', () => {
    const connection = new CountedConnection(false)
    connection.sent(concat([preface(), call(1), call(2), call(3)]))
    connection.received(concat([preface(), answer(1)]), 1_000)
    connection.received(answer(2), 2_000)
    expect(connection.count(false, 2_001)).toBe(1)
    expect(connection.count(true, 2_001)).toBe(2)
  })

  it('may be those whose answers went on while the caller stood still', () => {
    const connection = new CountedConnection(false)
    connection.sent(concat([preface(), call(1), call(2), call(3)]))
    connection.received(concat([preface(), answer(1)]), 900)
    connection.freeze(1_000, 3_000)
    connection.received(answer(2), 1_100)
    connection.received(answer(3), 3_900)
    expect(connection.count(true, 3_950)).toBe(2)
    expect(connection.count(false, 3_950)).toBe(0)
  })

  it('are not one-ways, nor what the caller has given up', () => {
    const connection = new CountedConnection(false)
    connection.sent(concat([preface(), open({ chan: 1, name: 'oneway', flags: FIN | ONEWAY })]))
    connection.sent(concat([call(2), reset({ chan: 2 })]))
    expect(connection.count(false, 0)).toBe(0)
  })

  it('stay under way when the caller has given the connection up', () => {
    const connection = new CountedConnection(false)
    connection.sent(concat([preface(), call(1), goaway()]))
    connection.received(concat([preface(), answer(1)]), 0)
    expect(connection.count(false, 0)).toBe(1)
  })
})

describe('a header that is spoilt', () => {
  it('is one, the next in that direction that lies whole in a piece', () => {
    const connection = new SpoilableConnection(false, false)
    const [before, halves, after] = [concat([preface(), call(1)]), call(2), concat([call(3), call(4)])]
    const pieces = [before, halves.slice(0, 5), halves.slice(5), after, call(5)]
    const good = pieces.map((piece) => piece.slice())
    connection.passed('up', pieces[0] as Uint8Array)
    connection.spoiling = 'up'
    connection.passed('down', concat([preface(), answer(1)]))
    for (const piece of pieces.slice(1)) connection.passed('up', piece)
    expect(connection.isSpoilt).toBe(true)
    const differing = pieces.flatMap((piece, at) =>
      [...piece].filter((byte, n) => byte !== good[at]?.[n]).map(() => at),
    )
    expect(differing).toEqual([3])
  })

  it('is that of a frame of WebSocket where there is one', () => {
    const connection = new SpoilableConnection(true, false)
    connection.passed('down', HEAD)
    connection.spoiling = 'down'
    const piece = web(answer(1, 'q'.repeat(20)))
    const first = piece[0] as number
    connection.passed('down', piece)
    expect(piece[0]).toBe(first | 0x70)
  })
})
