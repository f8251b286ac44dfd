// Owns: what the endpoint under test has sent and no step has taken yet, as frames in the form of spec/vectors/README.md.
// Must not know: steps, and which frames are right; only that whatever leaves an endpoint is whole and well formed.
import { concat, hex, naiveDecode, splitPreface } from '@peerplex/testkit'
import { HEADER_BYTES, type InspectedFrame, inspectFrame } from '../src/internal.js'

/** Stands in the queue for the preface, the only bytes that are no frame. */
const PREFACE_TYPE = 'the preface'

export class FrameQueue {
  /** The eight bytes of the newest PING that the endpoint has sent, taken or not; hex. */
  newestPing: string | null = null
  readonly #frames: InspectedFrame[] = []
  #isPrefaceNext: boolean
  #isHelloSeen = false

  constructor(kind: 'byte' | 'message') {
    this.#isPrefaceNext = kind === 'byte'
  }

  /** Takes the result of one `takeOutput`: the preface, perhaps, and whole frames. */
  push(parts: readonly Uint8Array[]): void {
    let bytes = concat(parts)
    if (this.#isPrefaceNext) bytes = this.#takePreface(bytes)
    // The naive twin cuts and judges; what a frame says is told by the reader that the vectors have proven.
    const { frames, helloSeen, error, reason } = naiveDecode(bytes, {
      helloSeen: this.#isHelloSeen,
      isWholeMessage: true,
    })
    if (error !== undefined) throw new Error(`the endpoint sent what is not legal: ${error}, ${reason}`)
    this.#isHelloSeen = helloSeen
    for (const { type, flags, meta, chan, at, size } of frames) {
      const bodyAt = at + HEADER_BYTES
      const frame = inspectFrame(type, flags, meta, chan, bytes, bodyAt, bodyAt + size)
      if (frame.type === 'PING') this.newestPing = String(frame.payload)
      this.#frames.push(frame)
    }
  }

  /** The next one, which stays; null when there is none. */
  get next(): InspectedFrame | null {
    return this.#frames[0] ?? null
  }

  /** Takes the next one off. */
  take(): InspectedFrame | null {
    return this.#frames.shift() ?? null
  }

  /** Takes off the bytes of the preface, hex; null when something else is next. */
  takePreface(): string | null {
    return this.next?.type === PREFACE_TYPE ? String(this.take()?.hex) : null
  }

  /** What is left but for frames of these types. */
  restWithout(types: readonly string[]): InspectedFrame[] {
    return this.#frames.filter((frame) => !types.includes(frame.type))
  }

  get length(): number {
    return this.#frames.length
  }

  #takePreface(bytes: Uint8Array): Uint8Array {
    const { status, rest } = splitPreface(bytes)
    if (status !== 'ok') throw new Error(`the endpoint began with ${hex(bytes.subarray(0, 8))}`)
    this.#isPrefaceNext = false
    this.#frames.push({ type: PREFACE_TYPE, hex: hex(bytes.subarray(0, bytes.length - rest.length)) })
    return rest
  }
}
