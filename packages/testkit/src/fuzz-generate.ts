/**
 * Owns: seeded good input: single frames that pass every check which needs no state.
 * Must not know: `@peerplex/wire`, ids in use, channel states.
 */
import { toBytes, u8, u32 } from './bytes.js'
import { refsValue } from './frame-builders.js'
import {
  MAX_CHANNEL_ID,
  type NaiveEntry,
  type NaiveFrameInput,
  type NaiveKind,
  RAW_FLAG,
  STATIC_KEYS,
  STATIC_VALUE_BYTES,
} from './naive-frames.js'
import type { Random } from './random.js'

const { FIN, MORE, MSG, TRL, IDEM, NOPROC, ONEWAY, FINAL } = RAW_FLAG

const ALL_KINDS: readonly NaiveKind[] = [
  'HELLO',
  'OPEN',
  'DATA',
  'END',
  'RESET',
  'STOP',
  'CREDIT',
  'PING',
  'PONG',
  'GOAWAY',
  'REF',
  'IGNORABLE',
]

/** A random frame of one of the kinds that is legal by itself (see `naiveDecode`); ids and states are not looked at. */
export function generateFrame(
  rng: Random,
  options: { kinds?: readonly NaiveKind[]; maxPayloadBytes?: number } = {},
): NaiveFrameInput {
  const kind = rng.pick(options.kinds ?? ALL_KINDS)
  const maxPayloadBytes = options.maxPayloadBytes ?? 200
  const payload = (min = 0): Uint8Array => rng.bytes(rng.int(min, Math.max(min, maxPayloadBytes)))
  const chan = anyChannel(rng)
  switch (kind) {
    case 'HELLO':
      return generateHello(rng)
    case 'OPEN': {
      const flags =
        rng.pick([0, FIN, MSG, FIN + MSG, MSG + MORE, FIN + ONEWAY, FIN + MSG + ONEWAY]) + rng.pick([0, IDEM])
      return {
        kind,
        flags,
        chan: Math.abs(chan),
        timeoutMs: rng.pick([0, 1, 5000, 2 ** 31, rng.next()]),
        rxBytes: rng.pick([0, 16384, 65536, 2 ** 31 - 1]),
        rxMsgs: rng.pick([0, 1, 7, 65535]),
        codec: rng.int(0, 255),
        name: generateName(rng),
        entries: generateEntries(rng),
        payload: payloadFor(flags, payload),
      }
    }
    case 'DATA': {
      const flags = rng.pick([0, FIN, MSG, FIN + MSG, MSG + MORE, FIN + TRL, FIN + MSG + TRL])
      const min = flags === 0 ? 1 : 0
      const entries = flags === FIN ? [] : generateEntries(rng, min)
      return { kind, flags, chan, entries, payload: payloadFor(flags, payload) }
    }
    case 'END': {
      const flags = chan < 0 ? rng.pick([0, NOPROC]) : 0
      return { kind, flags, chan, code: rng.int(1, 80), entries: generateEntries(rng), payload: payload() }
    }
    case 'RESET': {
      const flags = chan < 0 ? rng.pick([0, NOPROC]) : 0
      return { kind, flags, chan, code: rng.int(0, 80), entries: generateEntries(rng) }
    }
    case 'STOP':
      return { kind, flags: 0, chan, code: rng.int(0, 80) }
    case 'CREDIT':
      return { kind, flags: 0, chan: rng.bool() ? 0 : chan, byteLimit: rng.next(), countLimit: rng.next() }
    case 'PING':
    case 'PONG':
      return { kind, flags: 0, chan: 0, payload: rng.bytes(8) }
    case 'GOAWAY': {
      const isFinal = rng.bool()
      const code = isFinal ? rng.int(0, 80) : 0
      const lastId = isFinal ? Math.abs(chan) : 0
      const flags = isFinal ? FINAL : 0
      return { kind, flags, chan: 0, code, lastId, graceMs: rng.next(), entries: generateEntries(rng) }
    }
    case 'REF': {
      const releases = Array.from({ length: rng.int(1, 4) }, () => ({
        refId: rng.int(1, 2 ** 32 - 1),
        count: rng.int(1, 2 ** 32 - 1),
      }))
      return { kind, flags: 0, chan: 0, releases }
    }
    case 'IGNORABLE': {
      const body = payload()
      const meta = rng.int(0, body.length)
      return { kind, type: rng.int(0x80, 0xbf), flags: rng.int(0, 255), chan: rng.next(), meta, body }
    }
  }
}

/** A HELLO with legal values; `fixed` wins over chance. */
export function generateHello(
  rng: Random,
  fixed: Partial<NaiveFrameInput & { kind: 'HELLO' }> = {},
): NaiveFrameInput {
  const unknownPrefix = rng.bool(0.2) ? rng.bytes(rng.int(1, 20)) : new Uint8Array(0)
  return {
    kind: 'HELLO',
    flags: 0,
    chan: 0,
    prefixBytes: 56 + unknownPrefix.length,
    reserved: rng.pick([0, 0, 65535]),
    features: rng.pick([0, rng.next()]),
    maxFrame: rng.pick([16384, 65536, 2 ** 24 - 1]),
    maxMessage: rng.pick([65536, 4 * 1024 * 1024, 2 ** 31 - 1]),
    rxBytes: rng.pick([16384, 256 * 1024, 2 ** 31 - 1]),
    rxMsgs: rng.pick([1, 16384, 2 ** 31 - 1]),
    connBytes: rng.pick([65536, 4 * 1024 * 1024, 2 ** 31 - 1]),
    opens: rng.pick([0, 1, 1024, 2 ** 31 - 1]),
    maxMeta: rng.pick([4096, 16384, 65535]),
    partials: rng.pick([1, 16, 65535]),
    idleMs: rng.pick([0, 1000, 45000, 2 ** 32 - 1]),
    instance: rng.bytes(16),
    unknownPrefix,
    entries: generateEntries(rng),
    ...fixed,
  } as NaiveFrameInput
}

/** Entries with legal structure: static and literal keys, repeated keys, empty values, typed values. */
export function generateEntries(rng: Random, min = 0): NaiveEntry[] {
  const count = Math.max(min, rng.pick([0, 0, 1, 2, 5]))
  return Array.from({ length: count }, () => generateEntry(rng))
}

function generateEntry(rng: Random): NaiveEntry {
  if (rng.bool()) {
    const key = rng.pick(['x-a', 'x-a', 'x-b-bin', '~hop', '..proto..', 'k'.repeat(rng.int(1, 127))])
    return { id: 0, key, value: rng.pick([new Uint8Array(0), toBytes('1'), rng.bytes(rng.int(0, 60))]) }
  }
  const id = rng.bool(0.9) ? rng.int(0x80, 0x9f) : rng.int(0xa0, 0xff)
  const key = STATIC_KEYS[id - 0x80] ?? ''
  const width = STATIC_VALUE_BYTES.get(id)
  if (width !== undefined) return { id, key, value: width === 1 ? u8(rng.next()) : u32(rng.next()) }
  if (key === 'refs') {
    const refs = [{ refId: rng.int(1, 2 ** 32 - 1), kind: rng.int(0, 2), flags: rng.int(0, 1) }]
    return { id, key, value: refsValue(refs) }
  }
  return { id, key, value: rng.bool() ? toBytes('some text ✓') : rng.bytes(rng.int(0, 60)) }
}

function generateName(rng: Random): Uint8Array {
  return toBytes(rng.pick(['echo', 'log', 'a', 'ünïcode', 'x'.repeat(255), '~health', '\u007f']))
}

function anyChannel(rng: Random): number {
  const id = rng.pick([1, 2, 3, rng.int(1, 100), rng.int(1, MAX_CHANNEL_ID), MAX_CHANNEL_ID])
  return rng.bool() ? id : -id
}

function payloadFor(flags: number, payload: (min?: number) => Uint8Array): Uint8Array {
  const isMessage = Math.floor(flags / MSG) % 2 === 1
  const isMore = Math.floor(flags / MORE) % 2 === 1
  return isMessage ? payload(isMore ? 1 : 0) : new Uint8Array(0)
}
