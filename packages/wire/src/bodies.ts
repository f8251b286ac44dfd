// Owns: reading the fixed fields of frame bodies whose header is checked, and the checks that need no state (spec §4, §5).
// Must not know: sessions, channels, ids in use.
import {
  FLOOR_CHANNEL_BYTES,
  GOAWAY_PREFIX_BYTES,
  MAX_CHANNEL_ID,
  MAX_U31,
  OPEN_PREFIX_BYTES,
  REF_ITEM_BYTES,
} from './constants.js'
import { readU16, readU32, scanEntries } from './entries.js'
import { ProtocolError } from './errors.js'
import type { NameCache } from './utf8.js'

/** The fields of an OPEN, and where its entries stand in the body it was read from. */
export interface OpenBody {
  readonly name: string
  readonly codec: number
  readonly timeoutMs: number
  /** 0: as in HELLO. */
  readonly windowBytes: number
  readonly windowMessages: number
  readonly entriesAt: number
  readonly entryCount: number
}

export interface GoawayBody {
  readonly code: number
  readonly lastId: number
  readonly graceMs: number
  readonly entriesAt: number
  readonly entryCount: number
}

export function violation(message: string): ProtocolError {
  return new ProtocolError('PROTOCOL_ERROR', message)
}

/** How many entries stand in `body[start, end)`; throws PROTOCOL_ERROR when their structure is broken. */
export function countEntries(frame: string, body: Uint8Array, start: number, end: number): number {
  const count = scanEntries(body, start, end)
  if (count < 0) throw violation(`${frame} carries malformed header entries`)
  return count
}

/** Reads OPEN metadata `body[start, metaEnd)` (borrowed). Throws PROTOCOL_ERROR. */
export function readOpen(names: NameCache, body: Uint8Array, start: number, metaEnd: number): OpenBody {
  const nameAt = start + OPEN_PREFIX_BYTES
  const entriesAt = nameAt + (body[start + 11] as number)
  if (entriesAt === nameAt || entriesAt > metaEnd) {
    throw violation('OPEN: the name has no length or leaves the metadata')
  }
  for (let at = nameAt; at < entriesAt; at++) {
    if ((body[at] as number) < 0x20) throw violation('OPEN: a control character in the name')
  }
  const windowBytes = readU32(body, start + 4)
  const isLegalWindow = windowBytes === 0 || (windowBytes >= FLOOR_CHANNEL_BYTES && windowBytes <= MAX_U31)
  if (!isLegalWindow) throw violation(`OPEN: the window of ${windowBytes} bytes is out of range`)
  return {
    name: names.read(body, nameAt, entriesAt),
    codec: body[start + 10] as number,
    timeoutMs: Math.min(readU32(body, start), MAX_U31),
    windowBytes,
    windowMessages: readU16(body, start + 8),
    entriesAt,
    entryCount: countEntries('OPEN', body, entriesAt, metaEnd),
  }
}

/** Reads GOAWAY metadata (borrowed). Throws PROTOCOL_ERROR. */
export function readGoaway(
  isFinal: boolean,
  maxHeaderCount: number,
  body: Uint8Array,
  start: number,
  end: number,
): GoawayBody {
  const entriesAt = start + GOAWAY_PREFIX_BYTES
  const entryCount = countEntries('GOAWAY', body, entriesAt, end)
  if (entryCount > maxHeaderCount) throw violation(`GOAWAY with ${entryCount} entries`)
  const code = readU32(body, start)
  const lastId = readU32(body, start + 4)
  if (code !== 0 && !isFinal) throw violation('GOAWAY with an error and without FINAL')
  if (lastId > MAX_CHANNEL_ID) throw violation(`GOAWAY with lastId ${lastId}`)
  return { code, lastId, graceMs: Math.min(readU32(body, start + 8), MAX_U31), entriesAt, entryCount }
}

/** Checks the releases of a REF (borrowed). Throws PROTOCOL_ERROR. */
export function checkRefs(body: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += REF_ITEM_BYTES) {
    if (readU32(body, at) === 0 || readU32(body, at + 4) === 0)
      throw violation('REF with an id or count of 0')
  }
}
