/**
 * Owns: the testkit's own copy of the wire numbers, and the shape of a decoded frame as a plain object.
 * Must not know: `@peerplex/wire`. The numbers are repeated here by hand, so that a slip in the library's
 * page of constants is seen by the tests instead of being shared with them.
 */

export const HEADER_BYTES: number = 12
export const HELLO_PREFIX_BYTES: number = 56
export const OPEN_PREFIX_BYTES: number = 12
export const MAX_CHANNEL_ID: number = 2 ** 30 - 1
export const MAX_ENTRY_COUNT: number = 64
/** What a HELLO may use whatever the receiver announces as its own maxMeta. */
export const HELLO_MAX_META_BYTES: number = 16384

/** The eight bytes both sides of a byte connection send first. */
export const PREFACE: readonly number[] = [0x89, 0x50, 0x50, 0x58, 0x31, 0x0d, 0x0a, 0x1a]

export const RAW_TYPE: Readonly<
  Record<
    'HELLO' | 'OPEN' | 'DATA' | 'END' | 'RESET' | 'STOP' | 'CREDIT' | 'PING' | 'PONG' | 'GOAWAY' | 'REF',
    number
  >
> = {
  HELLO: 0x01,
  OPEN: 0x02,
  DATA: 0x03,
  END: 0x04,
  RESET: 0x05,
  STOP: 0x06,
  CREDIT: 0x07,
  PING: 0x08,
  PONG: 0x09,
  GOAWAY: 0x0a,
  REF: 0x0b,
}

export const RAW_FLAG: Readonly<
  Record<'FIN' | 'MORE' | 'MSG' | 'TRL' | 'IDEM' | 'NOPROC' | 'ONEWAY' | 'FINAL', number>
> = {
  FIN: 0x01,
  MORE: 0x02,
  MSG: 0x04,
  TRL: 0x08,
  IDEM: 0x10,
  NOPROC: 0x10,
  ONEWAY: 0x20,
  FINAL: 0x01,
}

/** Keys of the static ids 80–9F, in order. */
export const STATIC_KEYS: readonly string[] = [
  'to',
  'from',
  'route-key',
  'hops',
  'via',
  'traceparent',
  'tracestate',
  'baggage',
  'auth',
  'idempotency-key',
  'attempt',
  'priority',
  'refs',
  'ref',
  'codec',
  'encoding',
  'size',
  'content-type',
  'message',
  'error-type',
  'retry-after-ms',
  'cache-key',
  'cache-control',
  'etag',
  'if-none-match',
  'age',
  'peer',
  'agent',
  'codecs',
  'serves',
  'contract',
  'resume-token',
]

/** Value widths in bytes that the static ids with a number type prescribe. */
export const STATIC_VALUE_BYTES: ReadonlyMap<number, number> = new Map([
  [0x83, 1],
  [0x8a, 1],
  [0x8b, 1],
  [0x8d, 4],
  [0x8e, 1],
  [0x90, 4],
  [0x94, 4],
])
export const REFS_STATIC_ID: number = 0x8c

/** One header entry. A static one has its id and, for 80–9F, the key it stands for; a literal one has id 0. */
export interface NaiveEntry {
  id: number
  key: string
  value: Uint8Array
}

/** The numbers of a HELLO prefix. */
export interface NaiveHelloValues {
  prefixBytes: number
  reserved: number
  features: number
  maxFrame: number
  maxMessage: number
  rxBytes: number
  rxMsgs: number
  connBytes: number
  opens: number
  maxMeta: number
  partials: number
  idleMs: number
}

/** The body of each kind of frame. Numbers are as on the wire (a time of 2^31 or more is not clamped here). */
export type NaiveBody =
  | (NaiveHelloValues & {
      kind: 'HELLO'
      instance: Uint8Array
      /** Prefix bytes after the known 56. */
      unknownPrefix: Uint8Array
      entries: NaiveEntry[]
    })
  | {
      kind: 'OPEN'
      timeoutMs: number
      rxBytes: number
      rxMsgs: number
      codec: number
      name: Uint8Array
      entries: NaiveEntry[]
      payload: Uint8Array
    }
  | { kind: 'DATA'; entries: NaiveEntry[]; payload: Uint8Array }
  | { kind: 'END'; code: number; entries: NaiveEntry[]; payload: Uint8Array }
  | { kind: 'RESET'; code: number; entries: NaiveEntry[] }
  | { kind: 'STOP'; code: number }
  | { kind: 'CREDIT'; byteLimit: number; countLimit: number }
  | { kind: 'PING' | 'PONG'; payload: Uint8Array }
  | { kind: 'GOAWAY'; code: number; lastId: number; graceMs: number; entries: NaiveEntry[] }
  | { kind: 'REF'; releases: { refId: number; count: number }[] }
  /** Types 80–BF: the body is not looked at. */
  | { kind: 'IGNORABLE'; body: Uint8Array }

export type NaiveKind = NaiveBody['kind']

/** The header as numbers. `chan` is as the sender wrote it: above 0 means opened by the sender. */
export interface NaiveHeader {
  size: number
  type: number
  flags: number
  meta: number
  chan: number
}

/** A decoded frame. `at` is the offset of its header in the bytes that were decoded. */
export type NaiveFrame = NaiveHeader & { at: number } & NaiveBody

/** What is needed to write a frame: lengths follow from the content. `meta` matters for IGNORABLE only. */
export type NaiveFrameInput = { flags: number; chan: number } & NaiveBody & { type?: number; meta?: number }

/** A frame of one kind. */
export type NaiveFrameOf<K extends NaiveKind> = Extract<NaiveFrame, { kind: K }>

/** How a time on the wire is understood: 2^31 and more count as 2^31-1. */
export function readAsMs(value: number): number {
  return Math.min(value, 2 ** 31 - 1)
}

/** The codes of GOAWAY by name. */
export const RAW_CONNECTION_CODE: Readonly<Record<string, number>> = {
  PROTOCOL_ERROR: 64,
  VERSION: 65,
  FRAME_SIZE: 66,
  FLOW_CONTROL: 67,
  ENHANCE_CALM: 68,
  HELLO_TIMEOUT: 69,
  IDLE_TIMEOUT: 70,
  SELF_CONNECT: 71,
  DUPLICATE: 72,
  AUTH: 73,
  INTERNAL_ERROR: 74,
}
