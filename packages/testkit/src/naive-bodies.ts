/**
 * Owns: the slow, obvious reading of a complete frame body whose header has passed all header checks.
 * Order inside a body: fixed fields, then entries, as the protocol prescribes.
 * Must not know: ids and channel states (nothing here remembers an earlier frame), `@peerplex/wire`.
 */
import { byteAt, readU16, readU32 } from './bytes.js'
import { decodeEntries, demand } from './naive-entries.js'
import {
  HELLO_PREFIX_BYTES,
  MAX_ENTRY_COUNT,
  type NaiveBody,
  type NaiveEntry,
  type NaiveHeader,
  type NaiveHelloValues,
  OPEN_PREFIX_BYTES,
  RAW_FLAG,
  RAW_TYPE,
} from './naive-frames.js'

const MAX_I32 = 2 ** 31 - 1

/** The fields of a body; throws a Violation for the first rule that is broken. */
export function decodeBody(header: NaiveHeader, body: Uint8Array): NaiveBody {
  const meta = body.slice(0, header.meta)
  const payload = body.slice(header.meta)
  switch (header.type) {
    case RAW_TYPE.HELLO:
      return decodeHello(meta)
    case RAW_TYPE.OPEN:
      return decodeOpen(meta, payload)
    case RAW_TYPE.DATA:
      return { kind: 'DATA', entries: decodeEntries(meta), payload }
    case RAW_TYPE.END: {
      const code = readU32(meta, 0)
      demand(code !== 0, 'END with code 0')
      return { kind: 'END', code, entries: decodeEntries(meta.slice(4)), payload }
    }
    case RAW_TYPE.RESET:
      return { kind: 'RESET', code: readU32(meta, 0), entries: decodeEntries(meta.slice(4)) }
    case RAW_TYPE.STOP:
      return { kind: 'STOP', code: readU32(meta, 0) }
    case RAW_TYPE.CREDIT:
      return { kind: 'CREDIT', byteLimit: readU32(payload, 0), countLimit: readU32(payload, 4) }
    case RAW_TYPE.PING:
      return { kind: 'PING', payload }
    case RAW_TYPE.PONG:
      return { kind: 'PONG', payload }
    case RAW_TYPE.GOAWAY:
      return decodeGoaway(header, meta)
    case RAW_TYPE.REF:
      return decodeRef(payload)
    default:
      return { kind: 'IGNORABLE', body }
  }
}

function decodeHello(meta: Uint8Array): NaiveBody {
  const values: NaiveHelloValues = {
    prefixBytes: readU16(meta, 0),
    reserved: readU16(meta, 2),
    features: readU32(meta, 4),
    maxFrame: readU32(meta, 8),
    maxMessage: readU32(meta, 12),
    rxBytes: readU32(meta, 16),
    rxMsgs: readU32(meta, 20),
    connBytes: readU32(meta, 24),
    opens: readU32(meta, 28),
    maxMeta: readU16(meta, 32),
    partials: readU16(meta, 34),
    idleMs: readU32(meta, 36),
  }
  demand(values.prefixBytes >= HELLO_PREFIX_BYTES, 'prefixLen below 56')
  demand(values.prefixBytes <= meta.length, 'prefixLen beyond the metadata')
  demandRange('maxFrame', values.maxFrame, 16384, 2 ** 24 - 1)
  demandRange('maxMessage', values.maxMessage, 65536, MAX_I32)
  demandRange('rxBytes', values.rxBytes, 16384, MAX_I32)
  demandRange('rxMsgs', values.rxMsgs, 1, MAX_I32)
  demandRange('connBytes', values.connBytes, 65536, MAX_I32)
  demandRange('opens', values.opens, 0, MAX_I32)
  demandRange('maxMeta', values.maxMeta, 4096, 65535)
  demandRange('partials', values.partials, 1, 65535)
  demand(values.idleMs === 0 || values.idleMs >= 1000, 'idleMs between 1 and 999')
  const entries = decodeEntries(meta.slice(values.prefixBytes))
  demandEntryCount(entries)
  return {
    kind: 'HELLO',
    ...values,
    instance: meta.slice(40, 56),
    unknownPrefix: meta.slice(56, values.prefixBytes),
    entries,
  }
}

function decodeOpen(meta: Uint8Array, payload: Uint8Array): NaiveBody {
  const nameBytes = byteAt(meta, 11)
  demand(nameBytes !== 0, 'nameLen 0')
  demand(OPEN_PREFIX_BYTES + nameBytes <= meta.length, 'name beyond the metadata')
  const name = meta.slice(OPEN_PREFIX_BYTES, OPEN_PREFIX_BYTES + nameBytes)
  demand(!name.some((byte) => byte < 0x20), 'control character in the name')
  const rxBytes = readU32(meta, 4)
  if (rxBytes !== 0) demandRange('rxBytes', rxBytes, 16384, MAX_I32)
  return {
    kind: 'OPEN',
    timeoutMs: readU32(meta, 0),
    rxBytes,
    rxMsgs: readU16(meta, 8),
    codec: byteAt(meta, 10),
    name,
    entries: decodeEntries(meta.slice(OPEN_PREFIX_BYTES + nameBytes)),
    payload,
  }
}

function decodeGoaway(header: NaiveHeader, meta: Uint8Array): NaiveBody {
  const code = readU32(meta, 0)
  const lastId = readU32(meta, 4)
  const isFinal = header.flags === RAW_FLAG.FINAL
  demand(code === 0 || isFinal, 'GOAWAY with a code but without FINAL')
  demand(lastId < 2 ** 30, 'lastId outside the range of ids')
  const entries = decodeEntries(meta.slice(12))
  demandEntryCount(entries)
  return { kind: 'GOAWAY', code, lastId, graceMs: readU32(meta, 8), entries }
}

function decodeRef(payload: Uint8Array): NaiveBody {
  const releases: { refId: number; count: number }[] = []
  for (let at = 0; at < payload.length; at += 8) {
    const refId = readU32(payload, at)
    const count = readU32(payload, at + 4)
    demand(refId !== 0, 'REF with reference 0')
    demand(count !== 0, 'REF with count 0')
    releases.push({ refId, count })
  }
  return { kind: 'REF', releases }
}

function demandRange(name: string, value: number, min: number, max: number): void {
  demand(value >= min && value <= max, `${name} ${value} outside ${min}..${max}`)
}

function demandEntryCount(entries: readonly NaiveEntry[]): void {
  demand(entries.length <= MAX_ENTRY_COUNT, `${entries.length} entries on a connection frame`)
}
