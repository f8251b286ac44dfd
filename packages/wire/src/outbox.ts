// Owns: encoded frames that wait for the transport, in order: small parts copied into a slab, large payloads by reference.
// Must not know: channels, credit, priorities: what is in here is committed (spec §9) and leaves in this order.

import { type BlockPool, blockBytes } from './block-pool.js'
import {
  CODE_BYTES,
  FLAG_FINAL,
  GOAWAY_PREFIX_BYTES,
  HEADER_BYTES,
  OPEN_PREFIX_BYTES,
  PAIR_BYTES,
  REF_ITEM_BYTES,
  TYPE_CREDIT,
  TYPE_DATA,
  TYPE_GOAWAY,
  TYPE_HELLO,
  TYPE_OPEN,
  TYPE_PING,
  TYPE_PONG,
  TYPE_REF,
  TYPE_STOP,
} from './constants.js'
import { NO_BYTES } from './utf8.js'

/** Size of a slab: what is committed ahead of the transport stays near this, so one slab serves a flush. */
const SLAB_BYTES = 65_536
/** A connection that begins to speak, or says little. */
const SMALL_SLAB_BYTES = 4_096
/**
 * One that does no more than keep itself alive: room for three PINGs. Arrays of this size lie in the heap; of larger ones the memory
 * outside costs some 250 bytes more than they hold.
 */
const LEAST_SLAB_BYTES = 64
/** Who said no more than this between two rests is quiet: a PING, a PONG and a CREDIT. */
const QUIET_BYTES = 64
/** Payloads from here on are referenced instead of copied; see performance.md of the design: 1.06 / 1.00 / 0.93 at 1 / 8 / 16 KiB. */
const REFERENCE_BYTES = 2_048
/** The same where slabs are used again: then a copy costs less than a part of its own in a write (bench `4k`). */
const REUSED_REFERENCE_BYTES = 16_384

/** Up to this length words are copied one by one: calling `set`, with the view that it needs, takes 70 ns (bench `stream`). */
const BY_WORDS_BYTES = 96

/** A batch is closed once it has so many bytes; with the largest frame it stays well below a transport message of 1 MiB. */
const BATCH_BYTES = 131_072

const NO_VIEW = new DataView(NO_BYTES.buffer)

/** Whoever may write what is committed before the turn is over. */
/** A slab that is full, while somebody may still read it. */
interface SpentSlab {
  readonly slab: Uint8Array
  /** Position in the stream after its last byte. */
  readonly endAt: number
}

export interface DueListener {
  onDue(): void
}

interface Batch {
  readonly parts: Uint8Array[]
  /** Position in the stream after its last byte. */
  readonly endAt: number
}

export class Outbox {
  /** Whether `reclaim` will be called: until then nothing is known of what the transport still reads. */
  isReclaimed = false
  /** Where slabs come from, and go when they are given back. */
  readonly blocks: BlockPool | null
  /** Oldest first. */
  #spent: SpentSlab[] | null = null
  /** Full batches, then the parts of the one being filled. */
  #batches: Batch[] | null = null
  #parts: Uint8Array[] = []
  #batchAt = 0
  /** None until something is said, and none again after a time in which next to nothing was. */
  #slab: Uint8Array = NO_BYTES
  #view: DataView = NO_VIEW
  #restedAt = 0
  #start = 0
  #end = 0
  /**
   * Before a frame that is committed while so many bytes wait, `onDue` of the listener is called: a chance to write them in the middle of
   * a turn, so that the other side works on them meanwhile. It must call nothing of the session but `take`.
   */
  dueBytes: number = Number.POSITIVE_INFINITY
  dueListener: DueListener | null = null
  #committedBytes = 0
  #takenBytes = 0
  #returnedBytes = 0
  #frameCount = 0

  constructor(blocks: BlockPool | null = null) {
    this.blocks = blocks
  }

  /** All bytes ever committed: the position in the stream of the next frame. */
  get committedBytes(): number {
    return this.#committedBytes
  }

  /** All bytes ever handed to the transport; a frame that starts at or after this has not left. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** All bytes of which the transport is known to read nothing any more. */
  get returnedBytes(): number {
    return this.#returnedBytes
  }

  /** Bytes that wait. */
  get pendingBytes(): number {
    return this.#committedBytes - this.#takenBytes
  }

  /** All frames ever committed. */
  get frameCount(): number {
    return this.#frameCount
  }

  /** Memory held for what is to come. */
  get slabBytes(): number {
    return this.#slab.length
  }

  /** Hands over what waits, at most one batch of whole frames; the caller owns the parts. */
  take(): Uint8Array[] {
    const batch = this.#batches?.shift()
    if (batch !== undefined) {
      this.#takenBytes = batch.endAt
      return batch.parts
    }
    const parts = this.#cut()
    this.#takenBytes = this.#committedBytes
    return parts
  }

  /** Whoever may write in the middle of a turn is asked to, if enough waits. */
  offer(): void {
    if (this.#committedBytes - this.#takenBytes >= this.dueBytes) this.dueListener?.onDue()
  }

  /** Drops everything that waits: it will never reach the transport. */
  discard(): void {
    this.#batches = null
    this.#parts = []
    this.#start = this.#end
    this.#committedBytes = this.#takenBytes
    this.#batchAt = this.#takenBytes
  }

  /**
   * To be called now and then, for instance by a keepalive: a slab that was not used since the last time is given up. What a transport
   * still holds of it stays as it is, since nobody writes into it any more.
   */
  rest(): void {
    if (this.pendingBytes === 0 && this.#committedBytes - this.#restedAt <= QUIET_BYTES) {
      this.#use(NO_BYTES)
      if (this.#returnedBytes === this.#takenBytes) this.reclaim()
    }
    this.#restedAt = this.#committedBytes
    this.blocks?.rest()
  }

  /** All that was handed over has been read: the memory is free again. */
  reclaim(): void {
    const spent = this.#spent
    while (spent !== null && spent.length > 0 && (spent[0] as SpentSlab).endAt <= this.#takenBytes) {
      this.blocks?.give((spent.shift() as SpentSlab).slab)
    }
    this.#returnedBytes = this.#takenBytes
    if (this.pendingBytes > 0) return
    this.#start = 0
    this.#end = 0
  }

  /** Preface and HELLO, or HELLO alone, encoded; copies, and leaves nothing behind for a connection that says no more. */
  greeting(bytes: Uint8Array): void {
    this.#seal()
    this.#parts.push(bytes.slice())
    this.#committedBytes += bytes.length
    this.#frameCount++
  }

  hello(meta: Uint8Array): void {
    this.#header(TYPE_HELLO, 0, meta.length, meta.length, 0)
    this.#append(meta)
  }

  /**
   * OPEN; `name` and `entries` are copied, `payload[start, end)` is taken, or copied if it is borrowed. `view`, of the whole buffer that
   * `payload` is all of, makes copying a little of it faster; so for `data`.
   */
  open(
    flags: number,
    channelId: number,
    timeoutMs: number,
    windowBytes: number,
    windowMessages: number,
    codec: number,
    name: Uint8Array,
    entries: Uint8Array,
    payload: Uint8Array,
    start = 0,
    end: number = payload.length,
    view: DataView | null = null,
    isBorrowed = false,
  ): void {
    const meta = OPEN_PREFIX_BYTES + name.length + entries.length
    const copied = this.#header(TYPE_OPEN, flags, meta, meta + end - start, channelId, isBorrowed)
    const at = this.#end
    this.#view.setUint32(at, timeoutMs, true)
    this.#view.setUint32(at + 4, windowBytes, true)
    this.#view.setUint16(at + 8, windowMessages, true)
    this.#slab[at + 10] = codec
    this.#slab[at + 11] = name.length
    this.#end = at + OPEN_PREFIX_BYTES
    this.#committedBytes += OPEN_PREFIX_BYTES
    this.#append(name)
    if (entries.length > 0) this.#append(entries)
    this.#payload(payload, start, end, view, copied)
  }

  /** DATA; entries are copied, the part of the payload is taken. */
  data(
    flags: number,
    channelId: number,
    entries: Uint8Array,
    payload: Uint8Array,
    start = 0,
    end: number = payload.length,
    view: DataView | null = null,
    isBorrowed = false,
  ): void {
    const size = entries.length + end - start
    const copied = this.#header(TYPE_DATA, flags, entries.length, size, channelId, isBorrowed)
    if (entries.length > 0) this.#append(entries)
    this.#payload(payload, start, end, view, copied)
  }

  /** END and RESET: a code, entries, and for END the details (taken). */
  coded(
    type: number,
    flags: number,
    channelId: number,
    code: number,
    entries: Uint8Array,
    details: Uint8Array,
  ): void {
    const meta = CODE_BYTES + entries.length
    const copied = this.#header(type, flags, meta, meta + details.length, channelId)
    this.#u32(code)
    if (entries.length > 0) this.#append(entries)
    this.#payload(details, 0, details.length, null, copied)
  }

  stop(channelId: number, code: number): void {
    this.#header(TYPE_STOP, 0, CODE_BYTES, CODE_BYTES, channelId)
    this.#u32(code)
  }

  credit(channelId: number, byteLimit: number, countLimit: number): void {
    this.#pair(TYPE_CREDIT, channelId, byteLimit, countLimit)
  }

  ping(low: number, high: number): void {
    this.#pair(TYPE_PING, 0, low, high)
  }

  pong(low: number, high: number): void {
    this.#pair(TYPE_PONG, 0, low, high)
  }

  goaway(isFinal: boolean, code: number, lastId: number, graceMs: number, entries: Uint8Array): void {
    const meta = GOAWAY_PREFIX_BYTES + entries.length
    this.#header(TYPE_GOAWAY, isFinal ? FLAG_FINAL : 0, meta, meta, 0)
    this.#u32(code)
    this.#u32(lastId)
    this.#u32(graceMs)
    if (entries.length > 0) this.#append(entries)
  }

  /** Releases of references: pairs of id and count, flat. */
  ref(releases: readonly number[]): void {
    const size = (releases.length / 2) * REF_ITEM_BYTES
    this.#header(TYPE_REF, 0, 0, size, 0)
    for (const value of releases) this.#u32(value)
  }

  #pair(type: number, channelId: number, low: number, high: number): void {
    this.#header(type, 0, 0, PAIR_BYTES, channelId)
    this.#u32(low)
    this.#u32(high)
  }

  /**
   * Writes a header and makes room for `meta`, and for the rest of the body too unless the payload is to be referenced.
   * Returns whether the payload is to be copied.
   */
  #header(
    type: number,
    flags: number,
    meta: number,
    size: number,
    channelId: number,
    isBorrowed = false,
  ): boolean {
    this.offer()
    if (this.#committedBytes - this.#batchAt >= BATCH_BYTES) {
      this.#batches ??= []
      this.#batches.push({ parts: this.#cut(), endAt: this.#committedBytes })
    }
    const payloadBytes = size - meta
    const isCopied =
      isBorrowed || payloadBytes < (this.isReclaimed ? REUSED_REFERENCE_BYTES : REFERENCE_BYTES)
    this.#reserve(HEADER_BYTES + (isCopied ? size : meta))
    const at = this.#end
    const view = this.#view
    view.setUint32(at, size, true)
    view.setUint32(at + 4, type | (flags << 8) | (meta << 16), true)
    view.setInt32(at + 8, channelId, true)
    this.#end = at + HEADER_BYTES
    this.#committedBytes += HEADER_BYTES
    this.#frameCount++
    return isCopied
  }

  #payload(payload: Uint8Array, start: number, end: number, view: DataView | null, isCopied: boolean): void {
    const length = end - start
    if (length === 0) return
    const isWhole = length === payload.length
    if (!isCopied) {
      this.#seal()
      this.#parts.push(isWhole ? payload : payload.subarray(start, end))
    } else {
      if (view !== null && length <= BY_WORDS_BYTES) this.#copyWords(view, start, end)
      else this.#slab.set(isWhole ? payload : payload.subarray(start, end), this.#end)
      this.#end += length
    }
    this.#committedBytes += length
  }

  #copyWords(from: DataView, start: number, end: number): void {
    const to = this.#view
    const shift = this.#end - start
    let at = start
    for (; at + 4 <= end; at += 4) to.setUint32(at + shift, from.getUint32(at))
    for (; at < end; at++) to.setUint8(at + shift, from.getUint8(at))
  }

  #append(bytes: Uint8Array): void {
    this.#slab.set(bytes, this.#end)
    this.#end += bytes.length
    this.#committedBytes += bytes.length
  }

  #u32(value: number): void {
    this.#view.setUint32(this.#end, value, true)
    this.#end += 4
    this.#committedBytes += 4
  }

  /** Ends the batch being filled and returns its parts. */
  #cut(): Uint8Array[] {
    this.#seal()
    const parts = this.#parts
    this.#parts = []
    this.#batchAt = this.#committedBytes
    return parts
  }

  /** Closes the part of the slab in use; the rest of the slab goes on serving. */
  #seal(): void {
    if (this.#end === this.#start) return
    this.#parts.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#slab.length) return
    this.#seal()
    const { length } = this.#slab
    // What does not fit the least, or comes in the same turn, is more than a sign of life.
    const isSign = length === 0 && bytes <= LEAST_SLAB_BYTES && this.pendingBytes === 0
    const size = isSign ? LEAST_SLAB_BYTES : length <= LEAST_SLAB_BYTES ? SMALL_SLAB_BYTES : SLAB_BYTES
    const slabBytes = bytes > size ? blockBytes(bytes) : size
    this.#use((slabBytes >= SLAB_BYTES && this.blocks?.take(slabBytes)) || new Uint8Array(slabBytes))
  }

  #use(slab: Uint8Array): void {
    if (this.isReclaimed && this.#slab.length >= SLAB_BYTES) {
      this.#spent ??= []
      this.#spent.push({ slab: this.#slab, endAt: this.#committedBytes })
    }
    this.#slab = slab
    this.#view = slab === NO_BYTES ? NO_VIEW : new DataView(slab.buffer)
    this.#start = 0
    this.#end = 0
  }
}
