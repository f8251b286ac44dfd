// Mistakes of the program: each is an error that says what to do instead, and nothing of it is sent.
import { credit, reset, toText } from '@peerplex/testkit'
import type { OpenOptions } from '@peerplex/wire'
import { describe, expect, it } from 'vitest'
import { CODE, inbound, opened, openedAndSent, ready, thrown } from './lifecycle-support.js'

describe('mistakes of the program', () => {
  const cases: readonly (readonly [string, string, OpenOptions])[] = [
    ['an empty name', '', {}],
    ['a name of 256 bytes', 'n'.repeat(256), {}],
    ['a name with a control character', 'a\tb', {}],
    ['a name that is no text', 7 as unknown as string, {}],
    ['a codec of -1', 'svc', { codec: -1 }],
    ['a codec of 256', 'svc', { codec: 256 }],
    ['half a codec', 'svc', { codec: 0.5 }],
    ['a negative timeout', 'svc', { timeoutMs: -1 }],
    ['a timeout that is not whole', 'svc', { timeoutMs: 0.5 }],
    ['a timeout that is no number', 'svc', { timeoutMs: Number.NaN }],
    ['a timeout of 2^31', 'svc', { timeoutMs: 2 ** 31 }],
    ['a byte window below 16384', 'svc', { windowBytes: 16_383 }],
    ['a byte window of 2^31', 'svc', { windowBytes: 2 ** 31 }],
    ['a message window of 0', 'svc', { windowMessages: 0 }],
    ['a message window of 65536', 'svc', { windowMessages: 65_536 }],
  ]

  it.each(cases)('%s is a UsageError that says what to give; nothing is sent', (_, name, options) => {
    const script = ready()
    expect(thrown(() => script.session.open(name, options))).toMatchObject({
      name: 'UsageError',
      code: 'INVALID_ARGUMENT',
      hint: expect.stringMatching(/\d/),
    })
    script.expectNothing('nothing was sent')
    expect(script.session.stats()).toMatchObject({ openingChannels: 0, deadlines: 0, openChannels: 0 })
  })

  it('the bounds themselves are fine', () => {
    const script = ready()
    opened(
      script,
      { codec: 255, timeoutMs: 2 ** 31 - 1, windowBytes: 16_384, windowMessages: 1 },
      'n'.repeat(255),
    )
    script.expect({ kind: 'OPEN', codec: 255, rxMsgs: 1 })
    opened(script, { codec: 0, timeoutMs: 0, windowBytes: 2 ** 31 - 1, windowMessages: 65_535 })
    script.expect({ kind: 'OPEN', timeoutMs: 0, rxMsgs: 65_535 })
  })

  it('a message above the other side’s maxMessage is a LimitError, in open and in send [MSG-007]', () => {
    const script = ready({}, { maxMessage: 65_536 })
    expect(thrown(() => opened(script, { message: new Uint8Array(65_537), timeoutMs: 5 }))).toMatchObject({
      name: 'LimitError',
      code: 'MESSAGE_TOO_LARGE',
      delivery: 'not-sent',
      hint: expect.stringMatching(/./),
    })
    script.expectNothing('nothing was sent')
    const { channel } = openedAndSent(script)
    expect(() => channel.send(new Uint8Array(65_537))).toThrow(
      expect.objectContaining({ name: 'LimitError' }),
    )
    script.expectNothing('nothing of it')
    expect(channel.send(Uint8Array.of(1)), 'the channel lives').toBe(true)
    expect(script.session.stats()).toMatchObject({ deadlines: 0, openingChannels: 0 })
  })

  it('headers above the effective maxMeta are a LimitError: the smallest of four bounds [MET-013]', () => {
    const bounds = [
      [{ maxMeta: 4096 }, 4096],
      [{ maxFrame: 16_384, maxMeta: 65_535 }, 16_384 - 64],
      [{ rxBytes: 16_384 }, 8192 - 64],
      [{ connBytes: 65_536, maxMeta: 65_535 }, 32_768 - 64],
    ] as const
    for (const [hello, most] of bounds) {
      const script = ready({}, hello)
      const room = most - 12 - 3 - (1 + 3 + 2)
      opened(script, { headers: { 'x-a': 'v'.repeat(room) } })
      script.expect({ kind: 'OPEN', meta: most })
      expect(thrown(() => opened(script, { headers: { 'x-a': 'v'.repeat(room + 1) } }))).toMatchObject({
        name: 'LimitError',
        code: 'METADATA_TOO_LARGE',
        hint: expect.stringMatching(/./),
      })
      script.expectNothing('nothing was sent')
    }
  })

  it('and one more bound where the opener has narrowed its window', () => {
    const script = ready()
    const { channel } = inbound(script, { rxBytes: 16_384 })
    const most = 8192 - 64 - (1 + 3 + 2)
    expect(() => channel.send(Uint8Array.of(1), { 'x-a': 'v'.repeat(most + 1) })).toThrow(
      expect.objectContaining({ code: 'METADATA_TOO_LARGE' }),
    )
    expect(channel.send(Uint8Array.of(1), { 'x-a': 'v'.repeat(most) })).toBe(true)
    script.expect({ kind: 'DATA', meta: 8192 - 64 })
  })

  it('more than 64 headers do not leave, in any frame [MET-014]', () => {
    const many = Array.from({ length: 65 }, (_, index) => [`x-${index}`, 'v'] as const)
    const error = expect.objectContaining({ name: 'LimitError', code: 'METADATA_TOO_LARGE' })
    const script = ready()
    expect(() => opened(script, { headers: many })).toThrow(error)
    const { channel } = openedAndSent(script)
    expect(() => channel.send(Uint8Array.of(1), many)).toThrow(error)
    expect(() => channel.sendLast(Uint8Array.of(1), undefined, many)).toThrow(error)
    expect(() => channel.sendHeaders(many)).toThrow(error)
    expect(() => channel.end(many)).toThrow(error)
    expect(() => channel.fail(CODE.ABORTED, { headers: many })).toThrow(error)
    expect(() => channel.fail(CODE.ABORTED, { message: 'one more', headers: many.slice(1) })).toThrow(error)
    script.expectNothing('nothing was sent')
    expect(channel.send(Uint8Array.of(1), many.slice(1))).toBe(true)
    script.expect((frame) => frame.kind === 'DATA' && frame.entries.length === 64)
  })

  it('sending after the end is a UsageError; after the other side ended it is nothing', () => {
    const script = ready()
    const { channel } = openedAndSent(script)
    channel.sendLast(Uint8Array.of(1))
    script.takeFrames()
    const error = expect.objectContaining({
      name: 'UsageError',
      code: 'FAILED_PRECONDITION',
      hint: expect.stringMatching(/before end/),
    })
    expect(() => channel.send(Uint8Array.of(1))).toThrow(error)
    expect(() => channel.sendLast(Uint8Array.of(1))).toThrow(error)
    expect(() => channel.sendHeaders({ 'x-a': '1' })).toThrow(error)
    script.send(reset({ chan: -1 }))
    expect(channel.send(Uint8Array.of(1))).toBe(false)
    channel.sendHeaders({ 'x-a': '1' })
    script.expectNothing('nothing was sent')
  })

  it('open on a closed session is a ClosedError: not-sent, worth another connection', () => {
    const script = ready()
    script.session.close()
    expect(thrown(() => script.session.open('svc'))).toMatchObject({
      name: 'ClosedError',
      code: 'UNAVAILABLE',
      delivery: 'not-sent',
      retryable: true,
      hint: expect.stringMatching(/./),
    })
  })

  it('a message taken by open is not touched again, whatever waits', () => {
    const script = ready({}, { opens: 0 })
    const { channel } = opened(script, { message: new TextEncoder().encode('first'), isLast: true })
    expect(channel.bufferedBytes).toBe(5)
    script.send(credit({ byteLimit: 4 << 20, countLimit: 1 }))
    const frame = script.expect('OPEN')
    expect(frame.kind === 'OPEN' && toText(frame.payload)).toBe('first')
    expect(channel.bufferedBytes).toBe(0)
  })
})
