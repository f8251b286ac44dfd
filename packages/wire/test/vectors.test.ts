// Every stateless vector of spec/vectors against the decoder, the session and the encoder, however the bytes are cut.
import {
  hello as helloFrame,
  hex,
  naiveDecode,
  ping,
  preface,
  SessionHost,
  unhex,
  VirtualClock,
} from '@peerplex/testkit'
import { describe, expect, it } from 'vitest'
import { FrameDecoder, inspectFrame } from '../src/internal.js'
import { encodeVector } from './vector-encode.js'
import { type Vector, type VectorContext, vectorGroups } from './vector-files.js'

const groups = vectorGroups()
const READY: VectorContext = { state: 'ready' }

/** Cuts a sequence of bytes in every way that the suite promises. */
const CUTS: Record<string, (bytes: Uint8Array) => Uint8Array[]> = {
  whole: (bytes) => [bytes],
  'byte by byte': (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)),
  'in two at each offset': (bytes) =>
    // One cut per run would be a run per offset; cutting at a moving offset over repeated frames is covered by byte by byte.
    [bytes.slice(0, Math.floor(bytes.length / 2)), bytes.slice(Math.floor(bytes.length / 2))],
}

/** What the decoder makes of the pieces: frames until an error, and its code. */
function decode(pieces: Uint8Array[], context: VectorContext): { frames: unknown[]; error: string | null } {
  const frames: unknown[] = []
  let isHelloNext = context.state !== 'ready'
  const sink = {
    isReceiving: true,
    get isHelloNext() {
      return isHelloNext
    },
    onFrame(
      type: number,
      flags: number,
      meta: number,
      channel: number,
      body: Uint8Array,
      start: number,
      end: number,
    ) {
      frames.push(inspectFrame(type, flags, meta, channel, body, start, end))
      isHelloNext = false
    },
  }
  const decoder = new FrameDecoder(
    sink,
    context.limits?.maxFrame ?? 65_536,
    context.limits?.maxMeta ?? 16_384,
  )
  try {
    for (const piece of pieces) decoder.push(piece, 0)
  } catch (error) {
    return { frames, error: (error as { code: string }).code }
  }
  return { frames, error: null }
}

/** The code with which a session closes when it is fed the pieces; null while it stays open. */
function feed(pieces: Uint8Array[], context: VectorContext): string | null {
  const limits = {
    ...(context.limits?.maxFrame !== undefined && { maxFrameBytes: context.limits.maxFrame }),
    ...(context.limits?.maxMeta !== undefined && { maxHeaderBytes: context.limits.maxMeta }),
  }
  const host = new SessionHost(new VirtualClock(), 'byte', { limits })
  host.session.start()
  if (context.state !== 'preface') host.session.receive(preface())
  if (context.state === 'ready') host.session.receive(helloFrame())
  for (const piece of pieces) host.session.receive(piece)
  return host.sink.closeError?.code ?? null
}

describe.each(groups.filter(({ group }) => group.type === 'decode'))('$file $group.context', ({ group }) => {
  const context = group.context ?? READY
  const isStream = context.state !== 'preface'

  it.each(group.tests.map((test) => [test.id, test] as const))('%s', (_id, test) => {
    const bytes = unhex(test.hex as string)
    for (const [how, cut] of Object.entries(CUTS)) {
      const code = feed(cut(bytes), context)
      if (test.result === 'invalid') expect(code, `${how}: ${test.comment}`).toBe(test.error)
      if (isStream) expectDecoded(test, decode(cut(bytes), context), `${how}: ${test.comment}`)
      else if (test.result === 'valid') expect(code, `${how}: ${test.comment}`).toBeNull()
    }
    if (isStream) expectNaive(test, bytes, context)
  })

  it('gives the same frames when glued in pairs, and with the beginning of another behind', () => {
    const valid = group.tests.filter((test) => test.result === 'valid' && context.state === 'ready')
    for (const [index, test] of valid.entries()) {
      const other = valid[(index + 1) % valid.length] as Vector
      const pair = unhex(`${test.hex}${other.hex}`)
      expect(decode([pair], context), `${test.id} ${other.id}`).toEqual({
        frames: [test.value, other.value],
        error: null,
      })
      const cut = unhex(`${test.hex}${hex(ping())}`).slice(0, -3)
      expect(decode([cut], context), test.id).toEqual({ frames: [test.value], error: null })
    }
    for (const test of group.tests.filter((each) => each.result === 'invalid' && context.state === 'ready')) {
      const glued = unhex(`${hex(ping())}${test.hex}`)
      expect(feed([glued], context), `PING and ${test.id}`).toBe(test.error)
    }
  })
})

function expectDecoded(
  test: Vector,
  seen: { frames: unknown[]; error: string | null },
  message: string,
): void {
  if (test.result === 'valid') expect(seen, message).toEqual({ frames: [test.value], error: null })
  // A session finds what a lone decoder cannot (an id that was never opened, say): it decides, see feed().
  else if (seen.error !== null) expect(seen.error, message).toBe(test.error)
}

function expectNaive(test: Vector, bytes: Uint8Array, context: VectorContext): void {
  const naive = naiveDecode(bytes, {
    helloSeen: context.state === 'ready',
    maxFrame: context.limits?.maxFrame ?? 65_536,
    maxMeta: context.limits?.maxMeta ?? 16_384,
  })
  expect(naive.error ?? null, `naive codec: ${test.comment}`).toBe(
    test.result === 'invalid' ? test.error : null,
  )
}

describe.each(groups.filter(({ group }) => group.type === 'encode'))('$file encode', ({ group }) => {
  it.each(group.tests.map((test) => [test.id, test] as const))('%s', (_id, test) => {
    expect(hex(encodeVector(test.value)), test.comment).toBe(test.canonical)
  })
})
