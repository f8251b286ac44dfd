/**
 * Owns: raw frames, number by number, for tests. A builder computes the lengths a good frame would have and
 * then lets every field be overridden, so that a hostile frame is as easy to write as a good one.
 * Must not know: what is legal. Nothing is checked, nothing comes from `@peerplex/wire`.
 */
import { type BytesLike, concat, toBytes, u8, u16, u32 } from './bytes.js'
import { HELLO_PREFIX_BYTES, PREFACE, RAW_FLAG, RAW_TYPE } from './naive-frames.js'

/** The five header fields. Missing ones are 0. Numbers are cut to their width, never checked. */
export interface RawHeader {
  type: number
  flags?: number
  meta?: number
  size?: number
  chan?: number
}

/** The 12 bytes of a header. */
export function header(fields: RawHeader): Uint8Array {
  return concat([
    u32(fields.size ?? 0),
    u8(fields.type),
    u8(fields.flags ?? 0),
    u16(fields.meta ?? 0),
    u32(fields.chan ?? 0),
  ])
}

/** What can be forced on any frame: header fields that lie, and bytes after the body. */
export interface RawOverrides {
  type?: number
  flags?: number
  /** The meta field of the header, whatever the metadata really is. */
  meta?: number
  /** The size field of the header, whatever the body really is. */
  size?: number
  chan?: number
  /** Put after the body; not counted in size. */
  tail?: Uint8Array
}

/** Any frame: metadata bytes, payload bytes, and header fields that follow from them unless overridden. */
export function frame(
  fields: RawOverrides & { type: number; metadata?: Uint8Array; payload?: BytesLike },
): Uint8Array {
  const metadata = fields.metadata ?? new Uint8Array(0)
  const payload = toBytes(fields.payload ?? '')
  const size = fields.size ?? metadata.length + payload.length
  const meta = fields.meta ?? metadata.length
  return concat([
    header({ type: fields.type, flags: fields.flags ?? 0, meta, size, chan: fields.chan ?? 0 }),
    metadata,
    payload,
    fields.tail ?? new Uint8Array(0),
  ])
}

/** The eight bytes that start a byte connection. */
export function preface(): Uint8Array {
  return Uint8Array.from(PREFACE)
}

/** Forced parts of an entry. */
export interface RawEntryOverrides {
  /** The first byte, whatever the key is. */
  k?: number
  /** The length field, whatever the value is. */
  valueBytes?: number
}

/**
 * One header entry: a number is a static id, text is a literal key (also where a static id exists, which is
 * illegal). Entries made in any other way (`unhex`) can stand beside these.
 */
export function entry(
  key: number | BytesLike,
  value: BytesLike,
  overrides: RawEntryOverrides = {},
): Uint8Array {
  const keyBytes = typeof key === 'number' ? new Uint8Array(0) : toBytes(key)
  const valueBytes = toBytes(value)
  return concat([
    u8(overrides.k ?? (typeof key === 'number' ? key : keyBytes.length)),
    keyBytes,
    u16(overrides.valueBytes ?? valueBytes.length),
    valueBytes,
  ])
}

/** The value of a `refs` entry. */
export function refsValue(
  refs: readonly { refId: number; kind?: number; flags?: number; reserved?: number }[],
): Uint8Array {
  return concat(
    refs.flatMap((ref) => [u32(ref.refId), u8(ref.kind ?? 0), u8(ref.flags ?? 0), u16(ref.reserved ?? 0)]),
  )
}

/** Entries of a frame: bytes of one or more entries each. */
export interface WithEntries {
  entries?: readonly Uint8Array[]
}

export interface RawHello extends RawOverrides, WithEntries {
  /** The prefixLen field; by default 56 and the unknown bytes. */
  prefixBytes?: number
  reserved?: number
  features?: number
  maxFrame?: number
  maxMessage?: number
  rxBytes?: number
  rxMsgs?: number
  connBytes?: number
  opens?: number
  maxMeta?: number
  partials?: number
  idleMs?: number
  instance?: Uint8Array
  /** Bytes between the known prefix and the entries. */
  unknownPrefix?: Uint8Array
}

/** A HELLO with the default limits of the protocol. */
export function hello(fields: RawHello = {}): Uint8Array {
  const unknownPrefix = fields.unknownPrefix ?? new Uint8Array(0)
  const metadata = concat([
    u16(fields.prefixBytes ?? HELLO_PREFIX_BYTES + unknownPrefix.length),
    u16(fields.reserved ?? 0),
    u32(fields.features ?? 0),
    u32(fields.maxFrame ?? 65536),
    u32(fields.maxMessage ?? 4 * 1024 * 1024),
    u32(fields.rxBytes ?? 256 * 1024),
    u32(fields.rxMsgs ?? 16384),
    u32(fields.connBytes ?? 4 * 1024 * 1024),
    u32(fields.opens ?? 1024),
    u16(fields.maxMeta ?? 16384),
    u16(fields.partials ?? 16),
    u32(fields.idleMs ?? 45000),
    fields.instance ?? Uint8Array.from({ length: 16 }, (_, i) => i),
    unknownPrefix,
    ...(fields.entries ?? []),
  ])
  return frame({ type: RAW_TYPE.HELLO, metadata, ...overridesOf(fields) })
}

export interface RawOpen extends RawOverrides, WithEntries {
  timeoutMs?: number
  rxBytes?: number
  rxMsgs?: number
  codec?: number
  name?: BytesLike
  /** The nameLen field, whatever the name is. */
  nameBytes?: number
  payload?: BytesLike
}

/** An OPEN, by default of channel 1, name "echo", codec 0, and MSG set when there is a payload. */
export function open(fields: RawOpen = {}): Uint8Array {
  const name = toBytes(fields.name ?? 'echo')
  const metadata = concat([
    u32(fields.timeoutMs ?? 0),
    u32(fields.rxBytes ?? 0),
    u16(fields.rxMsgs ?? 0),
    u8(fields.codec ?? 0),
    u8(fields.nameBytes ?? name.length),
    name,
    ...(fields.entries ?? []),
  ])
  const payload = fields.payload ?? ''
  const flags = payload.length > 0 ? RAW_FLAG.MSG : 0
  return frame({ type: RAW_TYPE.OPEN, flags, chan: 1, metadata, payload, ...overridesOf(fields) })
}

/** A DATA on channel 1. Without `flags`: MSG when a payload is given (also an empty one), else none. */
export function data(fields: RawOverrides & WithEntries & { payload?: BytesLike } = {}): Uint8Array {
  return frame({
    type: RAW_TYPE.DATA,
    flags: fields.payload === undefined ? 0 : RAW_FLAG.MSG,
    chan: 1,
    metadata: concat(fields.entries ?? []),
    payload: fields.payload ?? '',
    ...overridesOf(fields),
  })
}

/** An END on channel 1, by default with code 2 (UNKNOWN). */
export function end(
  fields: RawOverrides & WithEntries & { code?: number; payload?: BytesLike } = {},
): Uint8Array {
  return frame({
    type: RAW_TYPE.END,
    chan: 1,
    metadata: concat([u32(fields.code ?? 2), ...(fields.entries ?? [])]),
    payload: fields.payload ?? '',
    ...overridesOf(fields),
  })
}

/** A RESET on channel 1, by default with code 1 (CANCELLED). A payload is illegal. */
export function reset(
  fields: RawOverrides & WithEntries & { code?: number; payload?: BytesLike } = {},
): Uint8Array {
  return frame({
    type: RAW_TYPE.RESET,
    chan: 1,
    metadata: concat([u32(fields.code ?? 1), ...(fields.entries ?? [])]),
    payload: fields.payload ?? '',
    ...overridesOf(fields),
  })
}

/** A STOP on channel 1, by default with code 1 (CANCELLED). */
export function stop(fields: RawOverrides & { code?: number } = {}): Uint8Array {
  return frame({
    type: RAW_TYPE.STOP,
    chan: 1,
    metadata: u32(fields.code ?? 1),
    ...overridesOf(fields),
  })
}

/** A CREDIT, by default on the connection: a byte limit, then a limit of messages (or of opens). */
export function credit(
  fields: RawOverrides & { byteLimit?: number; countLimit?: number; payload?: Uint8Array } = {},
): Uint8Array {
  return frame({
    type: RAW_TYPE.CREDIT,
    payload: fields.payload ?? concat([u32(fields.byteLimit ?? 0), u32(fields.countLimit ?? 0)]),
    ...overridesOf(fields),
  })
}

/** A PING with 8 bytes. */
export function ping(fields: RawOverrides & { payload?: BytesLike } = {}): Uint8Array {
  return frame({ type: RAW_TYPE.PING, payload: fields.payload ?? 'pingpong', ...overridesOf(fields) })
}

/** A PONG with 8 bytes. */
export function pong(fields: RawOverrides & { payload?: BytesLike } = {}): Uint8Array {
  return frame({ type: RAW_TYPE.PONG, payload: fields.payload ?? 'pingpong', ...overridesOf(fields) })
}

export interface RawGoaway extends RawOverrides, WithEntries {
  code?: number
  lastId?: number
  graceMs?: number
  payload?: BytesLike
}

/** A GOAWAY, by default the notice (code 0, not FINAL). */
export function goaway(fields: RawGoaway = {}): Uint8Array {
  return frame({
    type: RAW_TYPE.GOAWAY,
    metadata: concat([
      u32(fields.code ?? 0),
      u32(fields.lastId ?? 0),
      u32(fields.graceMs ?? 0),
      ...(fields.entries ?? []),
    ]),
    payload: fields.payload ?? '',
    ...overridesOf(fields),
  })
}

/** A REF: releases of references. */
export function ref(
  fields: RawOverrides & { releases?: readonly { refId: number; count: number }[] } = {},
): Uint8Array {
  const releases = fields.releases ?? [{ refId: 1, count: 1 }]
  return frame({
    type: RAW_TYPE.REF,
    payload: concat(releases.flatMap((one) => [u32(one.refId), u32(one.count)])),
    ...overridesOf(fields),
  })
}

/** A frame of an ignorable type, 80 by default; all its fields are free. */
export function ignorable(
  fields: RawOverrides & { metadata?: Uint8Array; payload?: BytesLike } = {},
): Uint8Array {
  return frame({
    type: 0x80,
    metadata: fields.metadata ?? new Uint8Array(0),
    payload: fields.payload ?? '',
    ...overridesOf(fields),
  })
}

function overridesOf(fields: RawOverrides): RawOverrides {
  const out: RawOverrides = {}
  if (fields.type !== undefined) out.type = fields.type
  if (fields.flags !== undefined) out.flags = fields.flags
  if (fields.meta !== undefined) out.meta = fields.meta
  if (fields.size !== undefined) out.size = fields.size
  if (fields.chan !== undefined) out.chan = fields.chan
  if (fields.tail !== undefined) out.tail = fields.tail
  return out
}
