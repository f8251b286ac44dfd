// Owns: the opens that wait for a connection: first in, first out, bounded by number and bytes, each at most for its time
// (spec §19). What is cancelled or expired leaves at once.
// Must not know: connections.
import type { PeerplexError } from '@peerplex/wire'
import { DeadlineHeap } from '@peerplex/wire/internal'
import { notSentError, type OpenRequest } from './open-request.js'
import type { QueueOptions } from './options.js'

export class OpenQueue {
  readonly #options: Required<QueueOptions>
  readonly #deadlines = new DeadlineHeap<OpenRequest>()
  /** Requests that wait for room, with `overflow: 'block'`. */
  readonly #blocked = new Set<OpenRequest>()
  #head: OpenRequest | null = null
  #tail: OpenRequest | null = null
  #count = 0
  #bytes = 0
  #targetedCount = 0

  constructor(options: Required<QueueOptions>) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many of them are for a particular peer. */
  get targetedCount(): number {
    return this.#targetedCount
  }

  get blockedCount(): number {
    return this.#blocked.size
  }

  /** The first in line. */
  get first(): OpenRequest | null {
    return this.#head
  }

  /** When the next one runs out of time; Infinity when none does. */
  get earliestMs(): number {
    return this.#deadlines.earliestMs
  }

  /**
   * Adds a request at the end. Returns the error when there is no room and the overflow policy says to refuse; a one-way that
   * gave way to it is handed to `onDropped`.
   */
  add(request: OpenRequest, nowMs: number, onDropped: (dropped: OpenRequest) => void): PeerplexError | null {
    request.deadlineMs = this.#expiry(request, nowMs)
    if (this.#hasRoom(request)) {
      this.#append(request)
      return null
    }
    if (this.#options.overflow === 'block' && this.#canEverHold(request)) {
      this.#blocked.add(request)
      this.#setDeadline(request)
      return null
    }
    if (this.#options.overflow === 'drop-oldest') {
      const oldest = this.#oldestOneway()
      if (oldest !== null) {
        this.remove(oldest)
        onDropped(oldest)
        if (this.#hasRoom(request)) {
          this.#append(request)
          return null
        }
      }
    }
    const { maxCalls, maxBytes } = this.#options
    const reason = `the queue is full (${this.#count} of ${maxCalls} calls, ${this.#bytes} of ${maxBytes} bytes)`
    return notSentError(
      'RESOURCE_EXHAUSTED',
      request,
      reason,
      'call less, or raise queue.maxCalls and queue.maxBytes',
    )
  }

  /** Puts back what a connection never sent: ahead of all others, whatever room there is, since it was admitted before. */
  putBack(request: OpenRequest, nowMs: number): void {
    request.deadlineMs = this.#expiry(request, nowMs)
    request.previous = null
    request.next = this.#head
    if (this.#head === null) this.#tail = request
    else this.#head.previous = request
    this.#head = request
    this.#enter(request)
  }

  /** A waiting request got bigger, which is not refused; says whether there is room for more of the kind. */
  grow(request: OpenRequest, bytes: number): boolean {
    request.heldBytes += bytes
    if (request.isQueued) this.#bytes += bytes
    return this.#bytes < this.#options.maxBytes
  }

  /** Takes a request out, wherever it waits; false when it did not. */
  remove(request: OpenRequest): boolean {
    this.#deadlines.remove(request)
    if (this.#blocked.delete(request)) return true
    if (!request.isQueued) return false
    request.isQueued = false
    if (request.previous === null) this.#head = request.next
    else request.previous.next = request.next
    if (request.next === null) this.#tail = request.previous
    else request.next.previous = request.previous
    request.previous = null
    request.next = null
    this.#count--
    if (request.spec.to !== undefined) this.#targetedCount--
    this.#bytes -= request.messageBytes
    this.#admitBlocked()
    return true
  }

  /** Takes out one whose time is over, or undefined. */
  takeExpired(nowMs: number): OpenRequest | undefined {
    const request = this.#deadlines.takeExpired(nowMs)
    if (request !== undefined) this.remove(request)
    return request
  }

  /** Takes out everything. */
  takeAll(): OpenRequest[] {
    const all: OpenRequest[] = []
    for (let request = this.#head; request !== null; request = request.next) all.push(request)
    all.push(...this.#blocked)
    for (const request of all) this.remove(request)
    return all
  }

  #hasRoom(request: OpenRequest): boolean {
    return (
      this.#count < this.#options.maxCalls && this.#bytes + request.messageBytes <= this.#options.maxBytes
    )
  }

  /** What is larger than the whole queue would wait for nothing. */
  #canEverHold(request: OpenRequest): boolean {
    return this.#options.maxCalls > 0 && request.messageBytes <= this.#options.maxBytes
  }

  #append(request: OpenRequest): void {
    request.previous = this.#tail
    request.next = null
    if (this.#tail === null) this.#head = request
    else this.#tail.next = request
    this.#tail = request
    this.#enter(request)
  }

  #enter(request: OpenRequest): void {
    request.isQueued = true
    this.#count++
    if (request.spec.to !== undefined) this.#targetedCount++
    this.#bytes += request.messageBytes
    this.#setDeadline(request)
  }

  #setDeadline(request: OpenRequest): void {
    if (request.deadlineMs !== Number.POSITIVE_INFINITY) this.#deadlines.add(request)
  }

  #expiry(request: OpenRequest, nowMs: number): number {
    const { waitMs } = this.#options
    return waitMs === 0 ? request.expiresAtMs : Math.min(request.expiresAtMs, nowMs + waitMs)
  }

  #admitBlocked(): void {
    for (const request of this.#blocked) {
      if (!this.#hasRoom(request)) return
      this.#blocked.delete(request)
      this.#deadlines.remove(request)
      this.#append(request)
    }
  }

  #oldestOneway(): OpenRequest | null {
    for (let request = this.#head; request !== null; request = request.next) {
      if (request.spec.isOneway) return request
    }
    return null
  }
}
