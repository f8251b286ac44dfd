// Owns: cutting a byte stream or a transport message into frames, and every check that needs the header alone (spec §4).
// Must not know: sessions, channels, what a body means. Allocates nothing for a frame that arrives whole.

import { type BlockPool, blockBytes } from './block-pool.js'
import {
  FLAG_FIN,
  FLAG_MASKS,
  FLAG_MORE,
  FLAG_MSG,
  FLAG_NOPROC,
  FLAG_ONEWAY,
  FLAG_TRL,
  GOAWAY_PREFIX_BYTES,
  HEADER_BYTES,
  HELLO_META_BYTES,
  HELLO_PREFIX_BYTES,
  MAX_CHANNEL_ID,
  OPEN_PREFIX_BYTES,
  PAIR_BYTES,
  REF_ITEM_BYTES,
  TYPE_CREDIT,
  TYPE_DATA,
  TYPE_END,
  TYPE_GOAWAY,
  TYPE_HELLO,
  TYPE_IGNORABLE_FIRST,
  TYPE_IGNORABLE_LAST,
  TYPE_LAST_KNOWN,
  TYPE_OPEN,
  TYPE_PING,
  TYPE_PONG,
  TYPE_REF,
  TYPE_RESET,
  TYPE_STOP,
} from './constants.js'
import { readU16, readU32 } from './entries.js'
import { ProtocolError } from './errors.js'
import { NO_BYTES } from './utf8.js'

/** Receives frames in order. `body[start, end)` is metadata then payload and is borrowed: valid until the call returns. */
export interface FrameSink {
  /** Whether the decoder is to go on; false after the session has closed. */
  readonly isReceiving: boolean
  /** Only HELLO may come first, and only once: the session knows which it waits for. */
  readonly isHelloNext: boolean
  onFrame(
    type: number,
    flags: number,
    metaBytes: number,
    channelId: number,
    body: Uint8Array,
    start: number,
    end: number,
  ): void
}

/** The first buffer for a frame that arrives in pieces; it doubles with the bytes that are there, never by what is announced. */
const FIRST_BUFFER_BYTES = 64

/** From so many bytes on it may be a block that was used before. */
const REUSED_BUFFER_BYTES = 8_192

/** Least length of the metadata section by type; -1: exactly none; the body rule says the rest. */
const META_MIN = [0, HELLO_PREFIX_BYTES, OPEN_PREFIX_BYTES, 0, 4, 4, 4, 0, 0, 0, GOAWAY_PREFIX_BYTES, 0]

export class FrameDecoder {
  readonly #sink: FrameSink
  readonly #maxFrameBytes: number
  readonly #maxMetaBytes: number
  readonly #blocks: BlockPool | null
  /** The frame being assembled from several chunks: header and what is there of the body. */
  #partial: Uint8Array = NO_BYTES
  #partialBytes = 0
  /** Header and body together, known once the header is there; 0 before. */
  #needBytes = 0

  /** Limits are the ones this side announced. */
  constructor(sink: FrameSink, maxFrameBytes: number, maxMetaBytes: number, blocks: BlockPool | null = null) {
    this.#blocks = blocks
    this.#sink = sink
    this.#maxFrameBytes = maxFrameBytes
    this.#maxMetaBytes = maxMetaBytes
  }

  /** Bytes of an incomplete frame held; 0 between frames. */
  get bufferedBytes(): number {
    return this.#partialBytes
  }

  /** Memory of that buffer. */
  get bufferCapacityBytes(): number {
    return this.#partial.length
  }

  /**
   * Takes the next bytes from `at` on. Calls the sink once per whole frame; keeps the rest.
   * Throws ProtocolError FRAME_SIZE or PROTOCOL_ERROR as soon as a header is wrong, before any of its body is kept.
   */
  push(chunk: Uint8Array, at: number): void {
    const length = chunk.length
    let position = at
    if (this.#partialBytes > 0) position = this.#complete(chunk, position)
    while (this.#sink.isReceiving && length - position >= HEADER_BYTES) {
      const end = position + HEADER_BYTES + this.#checkHeader(chunk, position)
      if (end > length) break
      this.#emit(chunk, position, end)
      position = end
    }
    if (position < length && this.#sink.isReceiving) this.#keep(chunk, position)
  }

  /** Adds bytes to the frame under assembly until it is whole or the chunk is used up; returns the next position. */
  #complete(chunk: Uint8Array, at: number): number {
    let position = at
    if (this.#needBytes === 0) {
      position = this.#append(chunk, position, HEADER_BYTES)
      if (this.#partialBytes < HEADER_BYTES) return position
      this.#needBytes = HEADER_BYTES + this.#checkHeader(this.#partial, 0)
    }
    position = this.#append(chunk, position, this.#needBytes)
    if (this.#partialBytes < this.#needBytes) return position
    const whole = this.#partial
    const end = this.#needBytes
    this.#partial = NO_BYTES
    this.#partialBytes = 0
    this.#needBytes = 0
    this.#emit(whole, 0, end)
    // What was in it was only lent.
    this.#blocks?.give(whole)
    return position
  }

  #keep(chunk: Uint8Array, at: number): void {
    const available = chunk.length - at
    if (available >= HEADER_BYTES) this.#needBytes = HEADER_BYTES + readU32(chunk, at)
    this.#append(chunk, at, HEADER_BYTES + available)
  }

  #append(chunk: Uint8Array, at: number, wanted: number): number {
    const take = Math.min(wanted - this.#partialBytes, chunk.length - at)
    const total = this.#partialBytes + take
    if (total > this.#partial.length) {
      const grown = this.#reused(total) ?? new Uint8Array(this.#doubled(total))
      grown.set(this.#partial.subarray(0, this.#partialBytes))
      this.#partial = grown
    }
    this.#partial.set(chunk.subarray(at, at + take), this.#partialBytes)
    this.#partialBytes = total
    return at + take
  }

  #doubled(total: number): number {
    const need = this.#needBytes
    const most = this.#blocks === null || need < REUSED_BUFFER_BYTES ? need : blockBytes(need)
    return Math.max(FIRST_BUFFER_BYTES, total, Math.min(2 * total, most))
  }

  /** A block that needs not grow any more, for what has come far enough to be believed. */
  #reused(total: number): Uint8Array | null {
    return this.#blocks === null || total < REUSED_BUFFER_BYTES ? null : this.#blocks.take(this.#needBytes)
  }

  #emit(bytes: Uint8Array, at: number, end: number): void {
    const type = bytes[at + 4] as number
    this.#sink.onFrame(
      type,
      bytes[at + 5] as number,
      readU16(bytes, at + 6),
      channelOf(bytes, at),
      bytes,
      at + HEADER_BYTES,
      end,
    )
  }

  /** Checks the header at `at` in the order of spec §4; returns the size of the body. */
  #checkHeader(bytes: Uint8Array, at: number): number {
    const size = readU32(bytes, at)
    const type = bytes[at + 4] as number
    const flags = bytes[at + 5] as number
    const meta = readU16(bytes, at + 6)
    if (size > this.#maxFrameBytes) throw tooLong(type, 'size', size, this.#maxFrameBytes)
    const maxMeta = type === TYPE_HELLO ? HELLO_META_BYTES : this.#maxMetaBytes
    if (meta > maxMeta) throw tooLong(type, 'metadata', meta, maxMeta)
    if (meta > size) throw tooLong(type, 'metadata', meta, size)
    if (type <= TYPE_LAST_KNOWN && type !== 0) checkLengths(type, meta, size)
    if (this.#sink.isHelloNext !== (type === TYPE_HELLO)) throw outOfOrder(type)
    if (type > TYPE_LAST_KNOWN || type === 0) {
      if (type >= TYPE_IGNORABLE_FIRST && type <= TYPE_IGNORABLE_LAST) return size
      throw violation(type, 'the frame type is unknown')
    }
    checkFlags(type, flags, meta, size, channelOf(bytes, at))
    checkChannel(type, channelOf(bytes, at))
    return size
  }
}

function channelOf(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 8) | 0
}

function checkLengths(type: number, meta: number, size: number): void {
  let isRight = meta >= (META_MIN[type] as number)
  switch (type) {
    case TYPE_HELLO:
    case TYPE_RESET:
    case TYPE_GOAWAY:
      isRight &&= size === meta
      break
    case TYPE_STOP:
      isRight &&= meta === 4 && size === 4
      break
    case TYPE_CREDIT:
    case TYPE_PING:
    case TYPE_PONG:
      isRight = meta === 0 && size === PAIR_BYTES
      break
    case TYPE_REF:
      isRight = meta === 0 && size > 0 && size % REF_ITEM_BYTES === 0
      break
  }
  if (isRight) return
  throw new ProtocolError('FRAME_SIZE', `${frameName(type)} with ${size} bytes, ${meta} of them metadata`, {
    hint: 'the lengths of each frame type are in spec/protocol.md §5',
  })
}

function checkFlags(type: number, flags: number, meta: number, size: number, channelId: number): void {
  if ((flags & ~(FLAG_MASKS[type] as number)) !== 0) throw violation(type, `flags ${flags} are not all known`)
  switch (type) {
    case TYPE_OPEN:
      if ((flags & FLAG_ONEWAY) !== 0 && (flags & (FLAG_FIN | FLAG_MORE)) !== FLAG_FIN) {
        throw violation(type, 'ONEWAY needs FIN and excludes MORE')
      }
      checkMessageFlags(type, flags, meta, size)
      break
    case TYPE_DATA:
      checkMessageFlags(type, flags, meta, size)
      if ((flags & FLAG_TRL) !== 0 && (flags & FLAG_FIN) === 0) throw violation(type, 'trailers without FIN')
      if ((flags & (FLAG_MSG | FLAG_FIN)) === 0 && meta === 0) throw violation(type, 'the frame is empty')
      if (meta > 0 && (flags & (FLAG_FIN | FLAG_MSG | FLAG_TRL)) === FLAG_FIN) {
        throw violation(type, 'headers with FIN belong to nothing')
      }
      break
    case TYPE_END:
    case TYPE_RESET:
      if ((flags & FLAG_NOPROC) !== 0 && channelId > 0) throw violation(type, 'NOPROC from the opener')
      break
  }
}

function checkMessageFlags(type: number, flags: number, meta: number, size: number): void {
  if ((flags & FLAG_MSG) === 0 && size > meta) throw violation(type, 'payload without MSG')
  if ((flags & FLAG_MORE) === 0) return
  if ((flags & FLAG_MSG) === 0) throw violation(type, 'MORE without MSG')
  if ((flags & FLAG_FIN) !== 0) throw violation(type, 'MORE with FIN')
  if (size === meta) throw violation(type, 'a fragment without payload')
}

function checkChannel(type: number, channelId: number): void {
  const isOnChannel = type >= TYPE_OPEN && type <= TYPE_STOP
  if (channelId === 0 ? isOnChannel : !isOnChannel && type !== TYPE_CREDIT) {
    throw violation(
      type,
      `channel ${channelId} where ${isOnChannel ? 'a channel' : 'the connection'} is meant`,
    )
  }
  if (type === TYPE_OPEN && channelId < 0) throw violation(type, 'an OPEN carries an id of its sender')
  if (channelId > MAX_CHANNEL_ID || channelId < -MAX_CHANNEL_ID) {
    throw violation(type, `channel id ${channelId} is out of range`)
  }
}

const NAMES = '00 HELLO OPEN DATA END RESET STOP CREDIT PING PONG GOAWAY REF'.split(' ')

/** The name of a frame type, for messages. */
export function frameName(type: number): string {
  return NAMES[type] ?? `frame type ${type.toString(16).padStart(2, '0')}`
}

function tooLong(type: number, what: string, bytes: number, limit: number): ProtocolError {
  return new ProtocolError(
    'FRAME_SIZE',
    `${frameName(type)} announces ${what} ${bytes}, the limit is ${limit}`,
  )
}

function outOfOrder(type: number): ProtocolError {
  if (type === TYPE_HELLO) return new ProtocolError('PROTOCOL_ERROR', 'a second HELLO')
  return new ProtocolError('PROTOCOL_ERROR', `${frameName(type)} before HELLO`, {
    hint: 'its HELLO was never sent, or got lost: connect to a worker in the turn in which it is made; else check what the other side is',
  })
}

function violation(type: number, message: string): ProtocolError {
  return new ProtocolError('PROTOCOL_ERROR', `${frameName(type)}: ${message}`)
}
