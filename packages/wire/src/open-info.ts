// Owns: what an OPEN says of its channel, as one object that all channels opened alike share; what a program asks of an open is checked
// here, and once (spec §5, OPEN).
// Must not know: ids, credit, queues, sessions.
import type { OpenOptions } from './channel.js'
import { assertWhole, invalidArgument } from './checks.js'
import { FLAG_FIN, FLAG_IDEM, FLAG_ONEWAY, FLOOR_CHANNEL_BYTES, MAX_U31 } from './constants.js'
import { Headers } from './entries.js'
import { encodeText, NameBytes, NO_BYTES } from './utf8.js'

const MAX_NAME_BYTES = 255

/** What an OPEN says, its message apart. Not to be changed. */
export class OpenInfo {
  readonly name: string
  /** As UTF-8; empty for what arrived. */
  readonly nameBytes: Uint8Array
  /** FIN, ONEWAY and IDEM, for what is to be sent; 0 for what arrived. */
  readonly flags: number
  readonly codec: number
  readonly headers: Headers
  /** 0 for none. */
  readonly timeoutMs: number
  /** Windows that the opener gives the acceptor; 0: as in HELLO. */
  readonly windowBytes: number
  readonly windowMessages: number

  constructor(
    name: string,
    nameBytes: Uint8Array,
    flags: number,
    codec: number,
    headers: Headers,
    timeoutMs: number,
    windowBytes: number,
    windowMessages: number,
  ) {
    this.name = name
    this.nameBytes = nameBytes
    this.flags = flags
    this.codec = codec
    this.headers = headers
    this.timeoutMs = timeoutMs
    this.windowBytes = windowBytes
    this.windowMessages = windowMessages
  }

  /** The same with headers. */
  withHeaders(headers: Headers): OpenInfo {
    const { name, nameBytes, flags, codec, timeoutMs, windowBytes, windowMessages } = this
    return new OpenInfo(name, nameBytes, flags, codec, headers, timeoutMs, windowBytes, windowMessages)
  }
}

/** Names checked before, with their bytes; of all sessions, since it is the program that gives them. */
const names = new NameBytes(assertName)

/** What is to be opened. Throws UsageError INVALID_ARGUMENT naming the option and its range, LimitError for too many headers. */
export function openInfo(name: string, options: Omit<OpenOptions, 'message' | 'sink'>): OpenInfo {
  const nameBytes = typeof name === 'string' ? names.get(name) : assertName(name, NO_BYTES)
  const { codec = 0, timeoutMs = 0, windowBytes, windowMessages } = options
  assertWhole('open: codec', codec, 0, 255)
  assertWhole('open: timeoutMs', timeoutMs, 0, MAX_U31)
  if (windowBytes !== undefined) assertWhole('open: windowBytes', windowBytes, FLOOR_CHANNEL_BYTES, MAX_U31)
  if (windowMessages !== undefined) assertWhole('open: windowMessages', windowMessages, 1, 0xffff)
  const isOneway = options.isOneway === true
  const flags =
    (isOneway || options.isLast === true ? FLAG_FIN : 0) |
    (isOneway ? FLAG_ONEWAY : 0) |
    (options.isIdempotent === true ? FLAG_IDEM : 0)
  const headers = Headers.from(options.headers)
  return new OpenInfo(
    name,
    nameBytes,
    flags,
    codec,
    headers,
    timeoutMs,
    windowBytes ?? 0,
    windowMessages ?? 0,
  )
}

/** Whether an OPEN can carry it. */
export function isChannelName(name: unknown): boolean {
  return isLegal(typeof name === 'string' ? encodeText(name) : NO_BYTES)
}

function isLegal(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.length <= MAX_NAME_BYTES && bytes.every((byte) => byte >= 0x20)
}

function assertName(name: unknown, bytes: Uint8Array): Uint8Array {
  if (isLegal(bytes)) return bytes
  throw invalidArgument(
    `'${String(name).slice(0, 80)}' is not a channel name`,
    `use 1 to ${MAX_NAME_BYTES} bytes of UTF-8 without control characters`,
  )
}
