// Owns: a file on a channel of plain bytes, with its SHA-256 computed and compared on both ends.
// Must not know: what else the peers do.
import { createHash } from 'node:crypto'
import type { Peer, PeerChannel } from 'peerplex'
import { FileSource } from '../file-source.js'

/** What one end has seen of a file. */
interface FileSeen {
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

type FileAnswer = Pick<FileResult, 'received' | 'isConfirmed'>

const FILE_CHANNEL = 'file.put'
const DIGEST_TRAILER = 'sha256'

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

/** Sends the file, never faster than the other side reads; `onProgress` hears of each message. */
export async function sendFile(
  peer: Peer,
  path: string,
  onProgress: (bytes: number) => void,
): Promise<FileResult> {
  const source = await FileSource.open(path)
  const channel = peer.open<Uint8Array>(FILE_CHANNEL, { codec: 'raw' })
  try {
    const counter = new FileCounter()
    for (let message = await source.next(); message !== null; message = await source.next()) {
      counter.add(message)
      await channel.send(message)
      if (!channel.writable) break
      onProgress(message.length)
    }
    const sent = counter.finish()
    // On a channel that has failed this does nothing, and reading the answer throws.
    if (channel.writable) channel.end({ [DIGEST_TRAILER]: sent.digest })
    return { sent, ...(await readAnswer(channel)) }
  } finally {
    channel.reset()
    await source.close()
  }
}

async function readAnswer(channel: PeerChannel<Uint8Array>): Promise<FileAnswer> {
  let answer: FileAnswer | null = null
  for await (const bytes of channel) answer = JSON.parse(new TextDecoder().decode(bytes)) as FileAnswer
  if (answer === null) throw new Error(`channel '${channel.name}' ended without an answer`)
  return answer
}

/** The other end. */
export function receiveFiles(peer: Peer): void {
  peer.accept<Uint8Array>(FILE_CHANNEL, async (channel) => {
    const counter = new FileCounter()
    let senderDigest = ''
    channel.onEnd = (trailers) => {
      senderDigest = trailers.get(DIGEST_TRAILER) ?? ''
    }
    for await (const message of channel) counter.add(message)
    const received = counter.finish()
    const answer: FileAnswer = { received, isConfirmed: received.digest === senderDigest }
    await channel.send(new TextEncoder().encode(JSON.stringify(answer)))
    channel.end()
  })
}
