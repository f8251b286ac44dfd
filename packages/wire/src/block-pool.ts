// Owns: blocks of memory between two uses, for all connections of a peer. A new block of 64 KiB is cleared, lies in cold memory and is collected
// again: 8 µs; to fill one that was used before takes 1.7 (bench `64k`, `4k`).
// Must not know: what is in them.

/** Blocks are as long as a power of two from here … */
const LEAST_BLOCK_BYTES = 4_096
/** … to here: larger ones are rare, and too much memory to keep. */
const MOST_BLOCK_BYTES = 131_072
/** What a peer keeps at most; all of it is given up when nobody asks for it. As much as a connection has under way at most by default. */
const MOST_HELD_BYTES = 4_194_304

const SIZE_COUNT = 1 + sizeIndex(MOST_BLOCK_BYTES)

export class BlockPool {
  /** By size, the smallest first; none before the first is given. */
  #blocks: Uint8Array[][] = []
  #heldBytes = 0
  #hasRested = false

  /** Memory held. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** A block of at least so many bytes, with whatever is in it; null when there is none. */
  take(bytes: number): Uint8Array | null {
    this.#hasRested = false
    if (this.#heldBytes === 0) return null
    for (let index = sizeIndex(bytes); index < SIZE_COUNT; index++) {
      const block = this.#blocks[index]?.pop()
      if (block === undefined) continue
      this.#heldBytes -= block.length
      return block
    }
    return null
  }

  /** Takes a block that nobody reads any more. One of another length is left to the collector. */
  give(block: Uint8Array): void {
    const { length } = block
    const isBlock = length <= MOST_BLOCK_BYTES && length === blockBytes(length)
    if (!isBlock || this.#heldBytes + length > MOST_HELD_BYTES) return
    const index = sizeIndex(length)
    while (this.#blocks.length <= index) this.#blocks.push([])
    ;(this.#blocks[index] as Uint8Array[]).push(block)
    this.#heldBytes += length
  }

  /** To be called now and then: what nobody has asked for since the last time is given up. */
  rest(): void {
    if (this.#hasRested) {
      this.#blocks = []
      this.#heldBytes = 0
    }
    this.#hasRested = true
  }
}

/** How long a block for so many bytes is, if it is to be used again. */
export function blockBytes(bytes: number): number {
  return bytes > MOST_BLOCK_BYTES ? bytes : LEAST_BLOCK_BYTES << sizeIndex(bytes)
}

function sizeIndex(bytes: number): number {
  return Math.max(0, 20 - Math.clz32(bytes - 1))
}
