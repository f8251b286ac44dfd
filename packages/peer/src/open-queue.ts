// Owns: the opens that wait for a connection: first in, first out, bounded by number and bytes, each at most for its time
// (spec §19). What is cancelled or expired leaves at once.
// Must not know: connections.
import type { PeerplexError } from '@peerplex/wire'
import { type Deadline, DeadlineHeap } from '@peerplex/wire/internal'
import { notSentError, type OpenRequest } from './open-request.js'
import type { QueueOptions } from './options.js'
import type { TargetGroup } from './route.js'

/** Where a request waits, and until when. */
export class QueuePlace implements Deadline {
  readonly request: OpenRequest
  /** The earlier of its deadline and the end of its waiting time. */
  readonly deadlineMs: number
  heapIndex = -1
  previous: QueuePlace | null = null
  next: QueuePlace | null = null
  /** In line, and not waiting for room. */
  isQueued = false
  /** As the request was when it was put in line. */
  isNarrow = false

  constructor(request: OpenRequest, deadlineMs: number) {
    this.request = request
    this.deadlineMs = deadlineMs
  }
}

export class OpenQueue {
  readonly #options: Required<QueueOptions>
  readonly #deadlines = new DeadlineHeap<QueuePlace>()
  /** Requests that wait for room, with `overflow: 'block'`. */
  readonly #blocked = new Set<QueuePlace>()
  #head: QueuePlace | null = null
  #tail: QueuePlace | null = null
  #count = 0
  #bytes = 0
  #narrowCount = 0
  #blockedNarrowCount = 0

  constructor(options: Required<QueueOptions>) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many of them may not go wherever the others go. */
  get narrowCount(): number {
    return this.#narrowCount
  }

  get blockedCount(): number {
    return this.#blocked.size
  }

  /** Those that wait for room, in order; may be taken out meanwhile. */
  *blocked(): Iterable<OpenRequest> {
    for (const { request } of this.#blocked) yield request
  }

  /** How many of those may not go wherever the others go. */
  get blockedNarrowCount(): number {
    return this.#blockedNarrowCount
  }

  /** The first in line. */
  get first(): OpenRequest | null {
    return this.#head === null ? null : this.#head.request
  }

  /** The one behind a request; null when there is none, or that one does not stand in line. */
  after({ place }: OpenRequest): OpenRequest | null {
    return place?.isQueued === true && place.next !== null ? place.next.request : null
  }

  /** Whether a request stands in line. */
  holds({ place }: OpenRequest): boolean {
    return place?.isQueued === true
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
    const place = new QueuePlace(request, this.#expiry(request, nowMs))
    // Small ones do not pass a large one that waits for room: it would wait for ever.
    if (this.#blocked.size === 0 && this.#hasRoom(request)) {
      this.#append(place)
      return null
    }
    if (this.#options.overflow === 'block' && this.#canEverHold(request)) {
      request.place = place
      this.#blocked.add(place)
      place.isNarrow = request.isNarrow
      if (place.isNarrow) this.#blockedNarrowCount++
      if (request.group !== null) request.group.waitingCount++
      this.#setDeadline(place)
      return null
    }
    if (this.#options.overflow === 'drop-oldest') {
      const oldest = this.#oldestOneway()
      if (oldest !== null) {
        this.remove(oldest)
        onDropped(oldest)
        if (this.#hasRoom(request)) {
          this.#append(place)
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
    const place = new QueuePlace(request, this.#expiry(request, nowMs))
    place.next = this.#head
    if (this.#head === null) this.#tail = place
    else this.#head.previous = place
    this.#head = place
    this.#enter(place)
  }

  /** A waiting request got bigger, which is not refused; says whether there is room for more of the kind. */
  grow(request: OpenRequest, bytes: number): boolean {
    request.heldBytes += bytes
    if (this.holds(request)) this.#bytes += bytes
    return this.#bytes < this.#options.maxBytes
  }

  /** Takes a request out, wherever it waits; false when it did not. */
  remove(request: OpenRequest): boolean {
    const { place } = request
    if (place === null) return false
    request.place = null
    this.#deadlines.remove(place)
    if (this.#unblock(place)) {
      // A smaller one behind it may fit.
      this.#admitBlocked()
      return true
    }
    place.isQueued = false
    if (place.previous === null) this.#head = place.next
    else place.previous.next = place.next
    if (place.next === null) this.#tail = place.previous
    else place.next.previous = place.previous
    this.#count--
    if (place.isNarrow) this.#narrowCount--
    if (request.group !== null) request.group.waitingCount--
    this.#bytes -= request.messageBytes
    this.#admitBlocked()
    return true
  }

  /** Takes out one whose time is over, or undefined. */
  takeExpired(nowMs: number): OpenRequest | undefined {
    const place = this.#deadlines.takeExpired(nowMs)
    if (place === undefined) return undefined
    this.remove(place.request)
    return place.request
  }

  /** Takes out everything. */
  takeAll(): OpenRequest[] {
    const all: OpenRequest[] = []
    for (let place = this.#head; place !== null; place = place.next) all.push(place.request)
    for (const place of this.#blocked) all.push(place.request)
    for (const request of all) this.remove(request)
    return all
  }

  /** Groups were forgotten: who waits for one of them is for what `find` says now, and keeps its place. */
  regroup(find: (request: OpenRequest) => TargetGroup | null): void {
    const places = [...this.#blocked]
    for (let place = this.#head; place !== null; place = place.next) places.push(place)
    for (const { request } of places) {
      if (request.group?.isForgotten !== true) continue
      const group = find(request)
      // To look it up may have run code of the program, which has taken it out.
      if (request.place !== null) this.#setGroup(request.place, group)
    }
  }

  #setGroup(place: QueuePlace, group: TargetGroup | null): void {
    const { request } = place
    if (request.group !== null) request.group.waitingCount--
    if (group !== null) group.waitingCount++
    request.group = group
    const change = Number(request.isNarrow) - Number(place.isNarrow)
    place.isNarrow = request.isNarrow
    if (place.isQueued) this.#narrowCount += change
    else this.#blockedNarrowCount += change
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

  #append(place: QueuePlace): void {
    place.previous = this.#tail
    if (this.#tail === null) this.#head = place
    else this.#tail.next = place
    this.#tail = place
    this.#enter(place)
  }

  #enter(place: QueuePlace): void {
    const { request } = place
    request.place = place
    place.isQueued = true
    this.#count++
    place.isNarrow = request.isNarrow
    if (place.isNarrow) this.#narrowCount++
    if (request.group !== null) request.group.waitingCount++
    this.#bytes += request.messageBytes
    this.#setDeadline(place)
  }

  #setDeadline(place: QueuePlace): void {
    if (place.deadlineMs !== Number.POSITIVE_INFINITY) this.#deadlines.add(place)
  }

  #expiry(request: OpenRequest, nowMs: number): number {
    const { waitMs } = this.#options
    return waitMs === 0 ? request.expiresAtMs : Math.min(request.expiresAtMs, nowMs + waitMs)
  }

  #admitBlocked(): void {
    for (const place of this.#blocked) {
      if (!this.#hasRoom(place.request)) return
      this.#unblock(place)
      this.#deadlines.remove(place)
      this.#append(place)
    }
  }

  /** False when it did not wait for room. */
  #unblock(place: QueuePlace): boolean {
    if (!this.#blocked.delete(place)) return false
    if (place.isNarrow) this.#blockedNarrowCount--
    const { group } = place.request
    if (group !== null) group.waitingCount--
    return true
  }

  #oldestOneway(): OpenRequest | null {
    for (let place = this.#head; place !== null; place = place.next) {
      if (place.request.spec.isOneway) return place.request
    }
    return null
  }
}
