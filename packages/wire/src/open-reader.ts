// Owns: reading the metadata of OPENs that arrive. Most of them say what an earlier one said: those share one OpenInfo, found by comparing
// bytes.
// Must not know: channels, ids in use.
import { readOpen } from './bodies.js'
import { OPEN_PREFIX_BYTES } from './constants.js'
import { Headers } from './entries.js'
import { OpenInfo } from './open-info.js'
import { NameCache, NO_BYTES } from './utf8.js'

/** How many different OPENs are remembered; two that share a slot evict each other. */
const SLOTS = 64
/** Longer ones are read anew each time, so a connection remembers at most 64 × 96 bytes and what they mean. */
const REMEMBERED_BYTES = 96

interface Remembered {
  readonly bytes: Uint8Array
  readonly info: OpenInfo
}

export class OpenReader {
  /** Where the header entries of the OPEN read last begin, and how many there are. */
  entriesAt = 0
  entryCount = 0
  readonly #names = new NameCache()
  readonly #remembered: (Remembered | undefined)[] = []

  /** Reads OPEN metadata `body[start, metaEnd)` (borrowed), its header entries apart. Throws PROTOCOL_ERROR. */
  read(body: Uint8Array, start: number, metaEnd: number): OpenInfo {
    const end = start + OPEN_PREFIX_BYTES + (body[start + 11] as number)
    // What has no entries and is known needs no check: it passed them all before.
    if (end !== metaEnd || end - start > REMEMBERED_BYTES) return this.#readNew(body, start, metaEnd)
    const slot = ((body[end - 1] as number) ^ (end - start)) & (SLOTS - 1)
    const known = this.#remembered[slot]
    if (known !== undefined && isSame(known.bytes, body, start, end)) {
      this.entriesAt = end
      this.entryCount = 0
      return known.info
    }
    const info = this.#readNew(body, start, metaEnd)
    this.#remembered[slot] = { bytes: body.slice(start, end), info }
    return info
  }

  #readNew(body: Uint8Array, start: number, metaEnd: number): OpenInfo {
    const open = readOpen(this.#names, body, start, metaEnd)
    this.entriesAt = open.entriesAt
    this.entryCount = open.entryCount
    const { name, codec, timeoutMs, windowBytes, windowMessages } = open
    return new OpenInfo(name, NO_BYTES, 0, codec, Headers.EMPTY, timeoutMs, windowBytes, windowMessages)
  }
}

function isSame(known: Uint8Array, body: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let at = 0; at < known.length; at++) if (known[at] !== body[start + at]) return false
  return true
}
