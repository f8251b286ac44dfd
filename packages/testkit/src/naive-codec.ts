/**
 * Owns: the naive twin of the library's frame decoder. It takes complete bytes and gives a list of plain
 * objects or the code of the first violation, in the prescribed order of checks, as slowly and plainly as
 * possible. It covers the rules that need no memory beyond "has the HELLO been seen".
 * Must not know: ids, channel states, credit, time, and nothing at all of `@peerplex/wire`.
 */
import { byteAt, equalBytes, readI32, readU16, readU32 } from './bytes.js'
import { decodeBody } from './naive-bodies.js'
import { demand, Violation } from './naive-entries.js'
import {
  HEADER_BYTES,
  HELLO_MAX_META_BYTES,
  MAX_CHANNEL_ID,
  type NaiveFrame,
  type NaiveHeader,
  PREFACE,
  RAW_FLAG,
  RAW_TYPE,
} from './naive-frames.js'

/** What the receiver has announced, and whether the sender's HELLO has been received already. */
export interface NaiveContext {
  maxFrame?: number
  maxMeta?: number
  helloSeen?: boolean
  /** The bytes are one message of a message connection: a frame cut at the end is a PROTOCOL_ERROR. */
  isWholeMessage?: boolean
}

export interface NaiveResult {
  frames: NaiveFrame[]
  error?: 'FRAME_SIZE' | 'PROTOCOL_ERROR'
  /** The rule that was broken, for humans; tests must not match on it. */
  reason?: string
  /** Where the frame with the error starts; without an error, where the first incomplete frame starts. */
  at: number
  /** How many bytes of an incomplete frame are left over at the end. */
  restBytes: number
  /** To be put into the context of the next call on the same connection. */
  helloSeen: boolean
}

/** Decodes frames (without a preface) until the bytes end or break a rule. */
export function naiveDecode(bytes: Uint8Array, context: NaiveContext = {}): NaiveResult {
  const limits = { maxFrame: context.maxFrame ?? 65536, maxMeta: context.maxMeta ?? 16384 }
  const result: NaiveResult = { frames: [], at: 0, restBytes: 0, helloSeen: context.helloSeen ?? false }
  try {
    while (bytes.length - result.at >= HEADER_BYTES) {
      const header = decodeHeader(bytes, result.at)
      checkHeader(header, limits, result.helloSeen)
      const bodyAt = result.at + HEADER_BYTES
      if (bytes.length - bodyAt < header.size) break
      const body = decodeBody(header, bytes.slice(bodyAt, bodyAt + header.size))
      result.frames.push({ ...header, at: result.at, ...body })
      if (header.type === RAW_TYPE.HELLO) result.helloSeen = true
      result.at = bodyAt + header.size
    }
    result.restBytes = bytes.length - result.at
    if (context.isWholeMessage === true) demand(result.restBytes === 0, 'frame cut by the end of the message')
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    result.error = error.code
    result.reason = error.message
  }
  return result
}

/** The header at an offset, without any check. */
export function decodeHeader(bytes: Uint8Array, at = 0): NaiveHeader {
  return {
    size: readU32(bytes, at),
    type: byteAt(bytes, at + 4),
    flags: byteAt(bytes, at + 5),
    meta: readU16(bytes, at + 6),
    chan: readI32(bytes, at + 8),
  }
}

/**
 * Looks at the start of a byte connection. 'short' means that the bytes so far fit, `version` that only the
 * digit differs, `mismatch` that something else is talking.
 */
export function splitPreface(bytes: Uint8Array): {
  status: 'ok' | 'short' | 'version' | 'mismatch'
  rest: Uint8Array
} {
  const expected = Uint8Array.from(PREFACE)
  const seen = bytes.slice(0, PREFACE.length)
  if (equalBytes(seen, expected)) return { status: 'ok', rest: bytes.slice(PREFACE.length) }
  const isPrefix = equalBytes(seen, expected.slice(0, seen.length))
  if (isPrefix) return { status: 'short', rest: new Uint8Array(0) }
  const isVersion =
    seen.length > 4 && equalBytes(seen.slice(0, 4), expected.slice(0, 4)) && seen[4] !== expected[4]
  return { status: isVersion ? 'version' : 'mismatch', rest: new Uint8Array(0) }
}

function checkHeader(
  header: NaiveHeader,
  limits: { maxFrame: number; maxMeta: number },
  helloSeen: boolean,
): void {
  const { type, size, meta } = header
  const isHello = type === RAW_TYPE.HELLO
  // (a) The top byte of the size, and the announced frame length.
  demandSize(size < 2 ** 24, 'top byte of size is not 0')
  demandSize(size <= limits.maxFrame, `size ${size} above maxFrame ${limits.maxFrame}`)
  // (b) and (c) The metadata length.
  const maxMeta = isHello ? HELLO_MAX_META_BYTES : limits.maxMeta
  demandSize(meta <= maxMeta, `meta ${meta} above maxMeta ${maxMeta}`)
  demandSize(meta <= size, `meta ${meta} above size ${size}`)
  // (d) The lengths that the type prescribes.
  checkLengths(header)
  // (e) HELLO first, and once.
  demand(isHello || helloSeen, 'the first frame is not HELLO')
  demand(!isHello || !helloSeen, 'a second HELLO')
  // (f) The type. Nothing else of an ignorable frame is looked at.
  if (type >= 0x80 && type <= 0xbf) return
  demand(type >= RAW_TYPE.HELLO && type <= RAW_TYPE.REF, `type ${type} is illegal`)
  // (g) Flags.
  checkFlags(header)
  // (h) The channel.
  checkChannel(header)
}

function checkLengths({ type, size, meta }: NaiveHeader): void {
  switch (type) {
    case RAW_TYPE.HELLO:
      demandSize(meta >= 56, 'HELLO metadata below 56')
      demandSize(size === meta, 'HELLO with a payload')
      break
    case RAW_TYPE.OPEN:
      demandSize(meta >= 12, 'OPEN metadata below 12')
      break
    case RAW_TYPE.END:
      demandSize(meta >= 4, 'END metadata below 4')
      break
    case RAW_TYPE.RESET:
      demandSize(meta >= 4, 'RESET metadata below 4')
      demandSize(size === meta, 'RESET with a payload')
      break
    case RAW_TYPE.STOP:
      demandSize(meta === 4 && size === 4, 'STOP is 4 bytes of metadata')
      break
    case RAW_TYPE.CREDIT:
    case RAW_TYPE.PING:
    case RAW_TYPE.PONG:
      demandSize(meta === 0 && size === 8, 'CREDIT, PING and PONG are 8 bytes of payload')
      break
    case RAW_TYPE.GOAWAY:
      demandSize(meta >= 12, 'GOAWAY metadata below 12')
      demandSize(size === meta, 'GOAWAY with a payload')
      break
    case RAW_TYPE.REF:
      demandSize(meta === 0, 'REF with metadata')
      demandSize(size >= 8 && size % 8 === 0, 'REF is not a positive multiple of 8 bytes')
      break
  }
}

function checkFlags(header: NaiveHeader): void {
  const { type, flags, chan } = header
  const { FIN, MORE, MSG, TRL, IDEM, NOPROC, ONEWAY, FINAL } = RAW_FLAG
  const allowed = (mask: number): void => {
    for (let bit = 1; bit <= 128; bit *= 2)
      demand(!has(flags, bit) || has(mask, bit), `flag ${bit} is not allowed on type ${type}`)
  }
  switch (type) {
    case RAW_TYPE.OPEN:
      allowed(FIN + MORE + MSG + IDEM + ONEWAY)
      checkMessageFlags(header)
      if (has(flags, ONEWAY)) {
        demand(has(flags, FIN), 'ONEWAY without FIN')
        demand(!has(flags, MORE), 'ONEWAY with MORE')
      }
      break
    case RAW_TYPE.DATA:
      allowed(FIN + MORE + MSG + TRL)
      checkMessageFlags(header)
      checkDataFlags(header)
      break
    case RAW_TYPE.END:
    case RAW_TYPE.RESET:
      allowed(NOPROC)
      demand(!has(flags, NOPROC) || chan <= 0, 'NOPROC from the opener')
      break
    case RAW_TYPE.GOAWAY:
      allowed(FINAL)
      break
    default:
      allowed(0)
  }
}

function checkMessageFlags({ flags, size, meta }: NaiveHeader): void {
  const { FIN, MORE, MSG } = RAW_FLAG
  const payloadBytes = size - meta
  demand(payloadBytes === 0 || has(flags, MSG), 'payload without MSG')
  if (has(flags, MORE)) {
    demand(has(flags, MSG), 'MORE without MSG')
    demand(payloadBytes >= 1, 'MORE without payload')
    demand(!has(flags, FIN), 'MORE with FIN')
  }
}

function checkDataFlags({ flags, meta }: NaiveHeader): void {
  const { FIN, MSG, TRL } = RAW_FLAG
  demand(!has(flags, TRL) || has(flags, FIN), 'TRL without FIN')
  if (!has(flags, MSG)) {
    demand(has(flags, FIN) || meta > 0, 'DATA with neither message, FIN nor metadata')
    demand(!has(flags, FIN) || meta === 0 || has(flags, TRL), 'entries beside FIN with neither MSG nor TRL')
  }
}

function checkChannel({ type, chan }: NaiveHeader): void {
  demand(chan >= -MAX_CHANNEL_ID && chan <= MAX_CHANNEL_ID, 'channel id out of range')
  switch (type) {
    case RAW_TYPE.OPEN:
      demand(chan > 0, 'OPEN of an id that is not the sender’s')
      break
    case RAW_TYPE.DATA:
    case RAW_TYPE.END:
    case RAW_TYPE.RESET:
    case RAW_TYPE.STOP:
      demand(chan !== 0, 'channel frame on the connection')
      break
    case RAW_TYPE.CREDIT:
      break
    default:
      demand(chan === 0, 'connection frame on a channel')
  }
}

function has(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1
}

function demandSize(condition: boolean, reason: string): void {
  if (!condition) throw new Violation('FRAME_SIZE', reason)
}
