import {
  concat,
  data,
  equalBytes,
  frame,
  generateSequence,
  header,
  hello,
  ignorable,
  naiveDecode,
  open,
  ping,
  Random,
  randomChunks,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { FrameDecoder, frameName } from './frame-decoder.js'

interface Seen {
  readonly type: number
  readonly flags: number
  readonly meta: number
  readonly chan: number
  readonly body: Uint8Array
}

/** A sink that copies what it is lent. */
class CollectingSink {
  readonly frames: Seen[] = []
  isReceiving = true
  isHelloNext = true
  onEach: ((seen: Seen) => void) | null = null

  onFrame(
    type: number,
    flags: number,
    meta: number,
    chan: number,
    body: Uint8Array,
    start: number,
    end: number,
  ): void {
    const seen = { type, flags, meta, chan, body: body.slice(start, end) }
    this.frames.push(seen)
    if (type === 1) this.isHelloNext = false
    this.onEach?.(seen)
  }
}

const make = (maxFrameBytes = 65_536, maxMetaBytes = 16_384) => {
  const sink = new CollectingSink()
  return { sink, decoder: new FrameDecoder(sink, maxFrameBytes, maxMetaBytes) }
}

/** Decodes pieces; what is thrown comes back as its code. */
function decode(pieces: readonly Uint8Array[]): { frames: Seen[]; error: string | null } {
  const { sink, decoder } = make()
  try {
    for (const piece of pieces) decoder.push(piece, 0)
  } catch (error) {
    return { frames: sink.frames, error: (error as { code: string }).code }
  }
  return { frames: sink.frames, error: null }
}

const bytewise = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte))

describe('cutting a stream into frames', () => {
  it('gives the same frames however the bytes arrive [FRM-003]', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const rng = new Random(seed)
      const bytes = concat(generateSequence(rng, { frameCount: 25, maxPayloadBytes: 3000 }))
      const whole = decode([bytes])
      expect(whole.error).toBeNull()
      const { frames } = naiveDecode(bytes)
      expect(whole.frames.map(({ type, flags, meta, chan }) => ({ type, flags, meta, chan }))).toEqual(
        frames.map(({ type, flags, meta, chan }) => ({ type, flags, meta, chan })),
      )
      for (const pieces of [bytewise(bytes), randomChunks(bytes, rng), randomChunks(bytes, rng, 13)]) {
        const { frames: again, error } = decode(pieces)
        expect(error).toBeNull()
        expect(again.length).toBe(whole.frames.length)
        expect(again.every((one, at) => equalBytes(one.body, (whole.frames[at] as Seen).body))).toBe(true)
      }
    }
  })

  it('every cut of two frames, at every place', () => {
    const bytes = concat([hello(), open({ payload: 'abc' }), ping()])
    const expected = decode([bytes]).frames
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { frames } = decode([bytes.slice(0, cut), bytes.slice(cut)])
      expect(frames).toEqual(expected)
    }
  })

  it('starts where it is told to', () => {
    const { sink, decoder } = make()
    decoder.push(concat([Uint8Array.of(1, 2, 3), hello()]), 3)
    expect(sink.frames).toHaveLength(1)
  })

  it('reads all five fields, signs included', () => {
    const { sink, decoder } = make()
    sink.isHelloNext = false
    decoder.push(
      concat([data({ chan: -(2 ** 30 - 1), flags: 7 & 5, payload: 'x' }), open({ chan: 2 ** 30 - 1 })]),
      0,
    )
    expect(sink.frames.map((one) => one.chan)).toEqual([-(2 ** 30 - 1), 2 ** 30 - 1])
  })

  it('lends the bytes of a whole frame without copying them', () => {
    const { decoder } = make()
    let lent: Uint8Array | null = null
    const spy = new FrameDecoder(
      {
        isReceiving: true,
        isHelloNext: false,
        onFrame: (_type, _flags, _meta, _chan, body) => {
          lent = body
        },
      },
      65_536,
      16_384,
    )
    const chunk = data({ payload: 'x'.repeat(1000) })
    spy.push(chunk, 0)
    expect(lent).toBe(chunk)
    expect(decoder.bufferedBytes).toBe(0)
  })

  it('stops as soon as its sink wants no more', () => {
    const { sink, decoder } = make()
    sink.onEach = (seen) => {
      sink.isReceiving = seen.type !== 2
    }
    decoder.push(concat([hello(), open(), ping(), ping().slice(0, 5)]), 0)
    expect(sink.frames.map((one) => one.type)).toEqual([1, 2])
    expect(decoder.bufferedBytes).toBe(0)
  })
})

describe('memory for a frame in pieces [LIM-001]', () => {
  it('is never above twice the bytes received plus 64, whatever is announced', () => {
    const announced = 65_536
    for (let seed = 1; seed <= 10; seed++) {
      const rng = new Random(seed)
      const { sink, decoder } = make()
      sink.isHelloNext = false
      let receivedBytes = 0
      const frameBytes = concat([
        header({ type: 3, flags: 4, size: announced, chan: 1 }),
        new Uint8Array(announced),
      ])
      for (const piece of randomChunks(frameBytes, rng, seed * 300)) {
        decoder.push(piece, 0)
        receivedBytes += piece.length
        if (receivedBytes < frameBytes.length) {
          expect(decoder.bufferCapacityBytes).toBeLessThanOrEqual(2 * receivedBytes + 64)
          expect(decoder.bufferedBytes).toBe(receivedBytes)
        }
      }
      expect(sink.frames).toHaveLength(1)
      expect([decoder.bufferedBytes, decoder.bufferCapacityBytes]).toEqual([0, 0])
    }
  })

  it('a header alone costs 64 bytes, even of the largest frame', () => {
    const { sink, decoder } = make(2 ** 24 - 1)
    sink.isHelloNext = false
    decoder.push(header({ type: 3, flags: 4, size: 2 ** 24 - 1, chan: 1 }), 0)
    expect(decoder.bufferCapacityBytes).toBeLessThanOrEqual(64)
  })

  it('is given back after each frame, also when another one begins in the same chunk', () => {
    const { sink, decoder } = make()
    sink.isHelloNext = false
    const one = data({ payload: 'x'.repeat(5000) })
    decoder.push(one.slice(0, 4000), 0)
    decoder.push(concat([one.slice(4000), one.slice(0, 20)]), 0)
    expect(sink.frames).toHaveLength(1)
    expect(decoder.bufferedBytes).toBe(20)
    expect(decoder.bufferCapacityBytes).toBeLessThanOrEqual(104)
  })
})

describe('a wrong header', () => {
  const WRONG: readonly (readonly [string, Uint8Array, string])[] = [
    ['size above maxFrame', header({ type: 3, flags: 4, size: 65_537, chan: 1 }), 'FRAME_SIZE'],
    ['the top byte of size', header({ type: 3, flags: 4, size: 2 ** 24, chan: 1 }), 'FRAME_SIZE'],
    ['meta above maxMeta', header({ type: 3, flags: 4, size: 20_000, meta: 16_385, chan: 1 }), 'FRAME_SIZE'],
    ['meta above size', header({ type: 3, flags: 4, size: 5, meta: 6, chan: 1 }), 'FRAME_SIZE'],
    ['a PING of 7 bytes', header({ type: 8, size: 7 }), 'FRAME_SIZE'],
    ['type 00', header({ type: 0 }), 'PROTOCOL_ERROR'],
    ['a reserved type', header({ type: 0x0c }), 'PROTOCOL_ERROR'],
    ['a type that needs a feature', header({ type: 0x40 }), 'PROTOCOL_ERROR'],
    ['a type above the ignorable ones', header({ type: 0xc0 }), 'PROTOCOL_ERROR'],
    ['an unknown flag', header({ type: 8, flags: 1, size: 8 }), 'PROTOCOL_ERROR'],
    ['a channel of 0', header({ type: 3, flags: 5, chan: 0 }), 'PROTOCOL_ERROR'],
  ]

  it.each(WRONG)('%s is reported as soon as its 12 bytes are there [FRM-005]', (_, bytes, code) => {
    for (let cut = 0; cut <= 12; cut++) {
      const { sink, decoder } = make()
      sink.isHelloNext = false
      decoder.push(ping(), 0)
      const run = () => {
        decoder.push(bytes.slice(0, cut), 0)
        decoder.push(bytes.slice(cut), 0)
      }
      expect(run).toThrow(expect.objectContaining({ code }))
      expect(sink.frames).toHaveLength(1)
      expect(decoder.bufferCapacityBytes).toBeLessThanOrEqual(64)
    }
  })

  it('an ignorable frame is passed on whatever its flags, channel and body [FRM-013]', () => {
    const { sink, decoder } = make()
    sink.isHelloNext = false
    decoder.push(ignorable({ type: 0x80, flags: 0xff, chan: -(2 ** 31), payload: 'any' }), 0)
    decoder.push(frame({ type: 0xbf, metadata: new Uint8Array(7), payload: '' }), 0)
    expect(sink.frames.map((one) => one.type)).toEqual([0x80, 0xbf])
  })
})

describe('frameName', () => {
  it('names the known types and shows the others as numbers', () => {
    expect([1, 2, 11].map(frameName)).toEqual(['HELLO', 'OPEN', 'REF'])
    expect(frameName(0x80)).toBe('frame type 80')
    expect(frameName(0x0c)).toBe('frame type 0c')
  })
})
