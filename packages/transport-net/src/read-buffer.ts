// Owns: the one buffer into which all sockets of a transport read, instead of a new one of 64 KiB for each read.
// Must not know: sockets, what is done with what was read.
//
// What is read is only there until the callback returns. Everything here runs on one thread and a read is handed over at once, so
// one buffer serves all sockets.

/** What a socket with large reads tells, once it has somebody to tell. */
export interface ReadTarget {
  /** `bytes` (borrowed) were read. */
  onRead(bytes: Uint8Array): void
}

/** The buffer of one transport; none before the first socket needs it. */
export class ReadBuffer {
  readonly #size: number
  #bytes: Uint8Array | null = null

  /** 0: no large reads. */
  constructor(size: number) {
    this.#size = size
  }

  /** What a socket is made with, and the place for whoever is to be told. Undefined where there are no large reads. */
  reader(): Reader | undefined {
    if (this.#size === 0) return undefined
    this.#bytes ??= new Uint8Array(this.#size)
    return new Reader(this.#bytes)
  }
}

export class Reader {
  /** Set before the socket reads. */
  target: ReadTarget | null = null
  readonly #buffer: Uint8Array

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer
  }

  /** For the options of a socket. */
  onread(): OnRead {
    const buffer = this.#buffer
    const callback = (byteCount: number): boolean => {
      this.target?.onRead(buffer.subarray(0, byteCount))
      return true
    }
    return { buffer, callback }
  }
}

/** What Node calls for each read. */
export interface OnRead {
  readonly buffer: Uint8Array
  readonly callback: (byteCount: number, bytes: Uint8Array) => boolean
}
