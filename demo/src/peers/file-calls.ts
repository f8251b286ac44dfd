// Owns: a file as the streamed input of a call, with its SHA-256 computed and compared on both ends.
// Must not know: what else the peers do.
import { createHash } from 'node:crypto'
import type { Peer } from 'peerplex'
import { FileSource } from '../file-source.js'

/** What one end has seen of a file. */
export interface FileSeen {
  readonly digest: string
  readonly messageCount: number
  readonly byteCount: number
}

export interface FileResult {
  readonly sent: FileSeen
  readonly received: FileSeen
  /** The receiver's own comparison. */
  readonly isConfirmed: boolean
}

class FileCounter {
  #messageCount = 0
  #byteCount = 0
  readonly #hash = createHash('sha256')

  add(message: Uint8Array): void {
    this.#hash.update(message)
    this.#messageCount++
    this.#byteCount += message.length
  }

  finish(): FileSeen {
    const digest = this.#hash.digest('hex')
    return { digest, messageCount: this.#messageCount, byteCount: this.#byteCount }
  }
}

/** Sends the file as bytes without any encoding; `onProgress` hears of each message. */
export async function sendFile(
  peer: Peer,
  path: string,
  onProgress: (bytes: number) => void,
): Promise<FileResult> {
  const counter = new FileCounter()
  const messages = readMessages(path, (message) => {
    counter.add(message)
    onProgress(message.length)
  })
  // The codec is that of both directions: the answer is bytes, too.
  const answer = await peer.call<Uint8Array>('file.put', messages, { codec: 'raw' })
  const received = JSON.parse(new TextDecoder().decode(answer)) as FileSeen
  const sent = counter.finish()
  const isConfirmed = await peer.call<boolean>('file.check', sent.digest)
  return { sent, received, isConfirmed }
}

async function* readMessages(path: string, look: (message: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  const source = await FileSource.open(path)
  try {
    for (let message = await source.next(); message !== null; message = await source.next()) {
      look(message)
      yield message
    }
  } finally {
    await source.close()
  }
}

/** The other end. */
export class FileReceiver {
  #seen: FileSeen | null = null

  async put(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const counter = new FileCounter()
    for await (const message of messages) counter.add(message)
    this.#seen = counter.finish()
    return new TextEncoder().encode(JSON.stringify(this.#seen))
  }

  /** Whether the sender has computed what was computed here. */
  isDigest(digest: string): boolean {
    return this.#seen?.digest === digest
  }
}
