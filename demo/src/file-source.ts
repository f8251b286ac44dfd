// Owns: a file as a sequence of messages, read ahead by one block and never held as a whole.
// Must not know: where the messages go.
import { type FileHandle, open } from 'node:fs/promises'

/** One message: fits a frame of the default size, so that nothing is cut and joined again. */
const FILE_MESSAGE_BYTES = 65_536
/** What is read at once: a trip through the thread pool costs more than the reading of one message. */
const BLOCK_BYTES = 262_144

const NO_BYTES = new Uint8Array(0)

export class FileSource {
  readonly #file: FileHandle
  /** The part of the block in hand that was not given out. */
  #block: Uint8Array = NO_BYTES
  #nextBlock: Promise<Uint8Array>

  private constructor(file: FileHandle) {
    this.#file = file
    this.#nextBlock = this.#read()
  }

  static async open(path: string): Promise<FileSource> {
    return new FileSource(await open(path, 'r'))
  }

  /** The next message, or null at the end of the file. */
  readonly next = async (): Promise<Uint8Array | null> => {
    if (this.#block.length === 0) {
      this.#block = await this.#nextBlock
      if (this.#block.length === 0) return null
      this.#nextBlock = this.#read()
    }
    const message = this.#block.subarray(0, FILE_MESSAGE_BYTES)
    this.#block = this.#block.subarray(message.length)
    return message
  }

  async close(): Promise<void> {
    // A read may be under way; what it finds, or why it fails, interests nobody any more.
    await this.#nextBlock.catch(() => NO_BYTES)
    await this.#file.close()
  }

  async #read(): Promise<Uint8Array> {
    // New memory for each block: messages of the last one may still wait for the transport.
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    const { bytesRead } = await this.#file.read(block, 0, BLOCK_BYTES)
    return block.subarray(0, bytesRead)
  }
}
