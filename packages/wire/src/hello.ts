// Owns: the HELLO frame: what each side announces, as bytes and back (spec §3, §5).
// Must not know: what a session does with the numbers.
import { invalidArgument } from './checks.js'
import {
  FLOOR_CHANNEL_BYTES,
  FLOOR_CHANNEL_MESSAGES,
  FLOOR_CONNECTION_BYTES,
  FLOOR_FRAME_BYTES,
  FLOOR_HEADER_BYTES,
  FLOOR_IDLE_MS,
  FLOOR_MESSAGE_BYTES,
  FLOOR_OPEN_CHANNELS,
  FLOOR_PARTIAL_MESSAGES,
  HELLO_META_BYTES,
  HELLO_PREFIX_BYTES,
  INSTANCE_BYTES,
  MAX_FRAME_BYTES,
  MAX_U31,
} from './constants.js'
import { Headers, readU16, readU32, scanEntries } from './entries.js'
import { ERRORS, LimitError, ProtocolError } from './errors.js'
import type { SessionLimits } from './options.js'

/** Where the instance stands in the metadata. */
const INSTANCE_AT = 40

/** What one side announces. Bytes, counts and milliseconds as in `SessionLimits`. */
export interface Hello {
  /** Bit set; what both sides set is in force. No bit has a meaning in version 1. */
  readonly features: number
  readonly maxFrameBytes: number
  readonly maxMessageBytes: number
  readonly channelWindowBytes: number
  readonly channelWindowMessages: number
  readonly connectionWindowBytes: number
  readonly maxOpenChannels: number
  readonly maxHeaderBytes: number
  readonly maxPartialMessages: number
  readonly idleTimeoutMs: number
  /** 16 random bytes, the same for every connection of one Peer object. */
  readonly instance: Uint8Array
  /** `peer`, `agent`, `codecs`, `auth`, `serves`, `contract` and whatever else the sender says of itself. */
  readonly headers: Headers
}

/** What may be sent before the other side's HELLO is known. */
export const FLOOR_HELLO: Hello = Object.freeze({
  features: 0,
  maxFrameBytes: FLOOR_FRAME_BYTES,
  maxMessageBytes: FLOOR_MESSAGE_BYTES,
  channelWindowBytes: FLOOR_CHANNEL_BYTES,
  channelWindowMessages: FLOOR_CHANNEL_MESSAGES,
  connectionWindowBytes: FLOOR_CONNECTION_BYTES,
  maxOpenChannels: FLOOR_OPEN_CHANNELS,
  maxHeaderBytes: FLOOR_HEADER_BYTES,
  maxPartialMessages: FLOOR_PARTIAL_MESSAGES,
  idleTimeoutMs: 0,
  instance: new Uint8Array(INSTANCE_BYTES),
  headers: Headers.EMPTY,
})

/**
 * What this side announces. While the other side's credentials are to be checked, connection window and opens stay at the
 * floors (spec §21). Copies `instance`; throws UsageError INVALID_ARGUMENT when it has not 16 bytes.
 */
export function ownHello(
  limits: SessionLimits,
  isHeld: boolean,
  instance: Uint8Array,
  headers: Headers,
): Hello {
  if (instance.length !== INSTANCE_BYTES) {
    throw invalidArgument(`the instance has ${instance.length} bytes`, `give ${INSTANCE_BYTES} random bytes`)
  }
  const { maxOpenChannels, connectionWindowBytes } = limits
  return Object.freeze({
    ...limits,
    features: 0,
    connectionWindowBytes: isHeld ? FLOOR_CONNECTION_BYTES : connectionWindowBytes,
    maxOpenChannels: isHeld ? Math.min(FLOOR_OPEN_CHANNELS, maxOpenChannels) : maxOpenChannels,
    instance: instance.slice(),
    headers,
  })
}

/** The metadata section of a HELLO; the result is new. Throws LimitError METADATA_TOO_LARGE when the headers do not fit. */
export function encodeHello(hello: Hello): Uint8Array {
  const entries = hello.headers.encoded
  if (HELLO_PREFIX_BYTES + entries.length > HELLO_META_BYTES) {
    throw new LimitError('METADATA_TOO_LARGE', `the HELLO headers have ${entries.length} bytes`, {
      hint: `keep them under ${HELLO_META_BYTES - HELLO_PREFIX_BYTES} bytes`,
    })
  }
  const meta = new Uint8Array(HELLO_PREFIX_BYTES + entries.length)
  const view = new DataView(meta.buffer)
  view.setUint16(0, HELLO_PREFIX_BYTES, true)
  view.setUint32(4, hello.features, true)
  view.setUint32(8, hello.maxFrameBytes, true)
  view.setUint32(12, hello.maxMessageBytes, true)
  view.setUint32(16, hello.channelWindowBytes, true)
  view.setUint32(20, hello.channelWindowMessages, true)
  view.setUint32(24, hello.connectionWindowBytes, true)
  view.setUint32(28, hello.maxOpenChannels, true)
  view.setUint16(32, hello.maxHeaderBytes, true)
  view.setUint16(34, hello.maxPartialMessages, true)
  view.setUint32(36, hello.idleTimeoutMs, true)
  meta.set(hello.instance, INSTANCE_AT)
  meta.set(entries, HELLO_PREFIX_BYTES)
  return meta
}

/**
 * Reads the metadata section of a HELLO (borrowed). Throws ProtocolError PROTOCOL_ERROR naming the field that is out of range.
 * The frame decoder has checked that at least 56 bytes are there.
 */
export function decodeHello(meta: Uint8Array, maxHeaderCount: number): Hello {
  const prefixBytes = readU16(meta, 0)
  if (prefixBytes < HELLO_PREFIX_BYTES || prefixBytes > meta.length) throw bad('prefixLen', prefixBytes)
  const numbers = {
    features: readU32(meta, 4),
    maxFrameBytes: inRange('maxFrame', readU32(meta, 8), FLOOR_FRAME_BYTES, MAX_FRAME_BYTES),
    maxMessageBytes: inRange('maxMessage', readU32(meta, 12), FLOOR_MESSAGE_BYTES, MAX_U31),
    channelWindowBytes: inRange('rxBytes', readU32(meta, 16), FLOOR_CHANNEL_BYTES, MAX_U31),
    channelWindowMessages: inRange('rxMsgs', readU32(meta, 20), FLOOR_CHANNEL_MESSAGES, MAX_U31),
    connectionWindowBytes: inRange('connBytes', readU32(meta, 24), FLOOR_CONNECTION_BYTES, MAX_U31),
    maxOpenChannels: inRange('opens', readU32(meta, 28), 0, MAX_U31),
    maxHeaderBytes: inRange('maxMeta', readU16(meta, 32), FLOOR_HEADER_BYTES, 0xffff),
    maxPartialMessages: inRange('partials', readU16(meta, 34), FLOOR_PARTIAL_MESSAGES, 0xffff),
    idleTimeoutMs: Math.min(readU32(meta, 36), MAX_U31),
  }
  checkHeaders(meta, prefixBytes, maxHeaderCount)
  if (numbers.idleTimeoutMs !== 0) inRange('idleMs', numbers.idleTimeoutMs, FLOOR_IDLE_MS, MAX_U31)
  return Object.freeze(new ReceivedHello(numbers, meta.slice(INSTANCE_AT), prefixBytes - INSTANCE_AT))
}

/** What the other side announced: the numbers, which are looked at all the time, and the rest as one piece of memory. */
class ReceivedHello implements Hello {
  declare readonly features: number
  declare readonly maxFrameBytes: number
  declare readonly maxMessageBytes: number
  declare readonly channelWindowBytes: number
  declare readonly channelWindowMessages: number
  declare readonly connectionWindowBytes: number
  declare readonly maxOpenChannels: number
  declare readonly maxHeaderBytes: number
  declare readonly maxPartialMessages: number
  declare readonly idleTimeoutMs: number
  /** The instance, what this version does not know, and the headers. */
  readonly #rest: Uint8Array
  readonly #headersAt: number

  /** Takes `rest`. */
  constructor(numbers: Omit<Hello, 'instance' | 'headers'>, rest: Uint8Array, headersAt: number) {
    Object.assign(this, numbers)
    this.#rest = rest
    this.#headersAt = headersAt
  }

  /** A new view each time, as are the headers: they are asked for once or twice in the life of a connection. */
  get instance(): Uint8Array {
    return this.#rest.subarray(0, INSTANCE_BYTES)
  }

  get headers(): Headers {
    return new Headers(this.#rest.subarray(this.#headersAt))
  }
}

/** Throws SELF_CONNECT when both come from the same Peer object. */
export function assertOtherPeer(theirs: Hello, own: Hello): void {
  if (theirs.instance.some((byte, index) => byte !== own.instance[index])) return
  throw new ProtocolError('SELF_CONNECT', ERRORS.SELF_CONNECT.message, {
    hint: 'the address leads back to this very peer: check host and port',
  })
}

function checkHeaders(meta: Uint8Array, start: number, maxHeaderCount: number): void {
  const count = scanEntries(meta, start, meta.length)
  if (count < 0) throw new ProtocolError('PROTOCOL_ERROR', 'HELLO carries malformed header entries')
  if (count > maxHeaderCount) throw bad('the number of entries', count)
}

function inRange(field: string, value: number, min: number, max: number): number {
  if (value < min || value > max) throw bad(field, value)
  return value
}

function bad(field: string, value: number): ProtocolError {
  return new ProtocolError('PROTOCOL_ERROR', `HELLO announces ${field} = ${value}, outside its range`, {
    hint: 'the ranges are in spec/protocol.md §25',
  })
}
