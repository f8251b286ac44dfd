// Owns: the arithmetic of credit (spec §10): what the other side lets us send, and what we let it send.
// Must not know: frames, queues, when a credit is put on the wire.
//
// Every number is cumulative and wraps at 2^32. A limit is absolute, so a credit that is repeated or overtaken by a newer
// one does no harm, and none can be lost.
import { later, remaining } from './serial.js'

/**
 * So much is granted at once on a connection, however large its window: of 4 MiB half would be out of use most of the time, and 64 calls of
 * 64 KiB would wait for each other (bench `64k`).
 */
const MOST_OWED_BYTES = 524_288

/** What the other side lets us send: on one channel, or (messages unused) on the connection. */
export class SendCredit {
  /** Half of this is enough to oblige us to send (spec §10, must-send rule). */
  windowBytes: number
  byteLimit: number
  bytesSent = 0
  messageLimit: number
  messagesSent = 0
  /** `bytesSent` when the last CREDIT came: a CREDIT with nothing sent since costs on the economy counter. */
  bytesSentAtCredit = 0

  constructor(windowBytes: number, windowMessages: number) {
    this.windowBytes = windowBytes
    this.byteLimit = windowBytes | 0
    this.messageLimit = windowMessages | 0
  }

  get bytesLeft(): number {
    return remaining(this.byteLimit, this.bytesSent)
  }

  get messagesLeft(): number {
    return remaining(this.messageLimit, this.messagesSent)
  }

  charge(bytes: number): void {
    this.bytesSent = (this.bytesSent + bytes) | 0
  }

  /** The window that HELLO announced in place of the floor. Limits start at 0, so the new limit is the window itself. */
  start(windowBytes: number, windowMessages: number): void {
    this.windowBytes = windowBytes
    this.byteLimit = windowBytes | 0
    this.messageLimit = windowMessages | 0
  }

  /** Takes a CREDIT; false when a limit goes back, which is a FLOW_CONTROL error. */
  raise(byteLimit: number, messageLimit: number): boolean {
    if (remaining(byteLimit, this.byteLimit) < 0 || remaining(messageLimit, this.messageLimit) < 0)
      return false
    this.byteLimit = byteLimit | 0
    this.messageLimit = messageLimit | 0
    return true
  }
}

/** What we let the other side send, on one channel. */
export class ReceiveCredit {
  readonly windowBytes: number
  readonly windowMessages: number
  bytesReceived = 0
  bytesConsumed = 0
  bytesGranted: number
  messagesReceived = 0
  messagesConsumed = 0
  messagesGranted: number
  /** Charges of the message under assembly: granted anew while it is incomplete (R1), consumed when it is read. */
  partialBytes = 0

  constructor(windowBytes: number, windowMessages: number) {
    this.windowBytes = windowBytes
    this.windowMessages = windowMessages
    this.bytesGranted = windowBytes | 0
    this.messagesGranted = windowMessages | 0
  }

  /** How much the other side may still send. */
  get bytesLeft(): number {
    return remaining(this.bytesGranted, this.bytesReceived)
  }

  /** Whether so much is left that the other side must send what it has (spec §10.4). */
  get obligesSender(): boolean {
    return 2 * this.bytesLeft >= this.windowBytes
  }

  /** Counts what arrived; false when it exceeds the credit. */
  receive(bytes: number, messages: number): boolean {
    this.bytesReceived = (this.bytesReceived + bytes) | 0
    this.messagesReceived = (this.messagesReceived + messages) | 0
    return (
      remaining(this.bytesGranted, this.bytesReceived) >= 0 &&
      remaining(this.messagesGranted, this.messagesReceived) >= 0
    )
  }

  consume(bytes: number, messages: number): void {
    this.bytesConsumed = (this.bytesConsumed + bytes) | 0
    this.messagesConsumed = (this.messagesConsumed + messages) | 0
  }

  /** Whether half a window of either kind can be granted anew. */
  isDue(): boolean {
    return (
      2 * remaining(this.#byteTarget(), this.bytesGranted) >= this.windowBytes ||
      2 * remaining(this.#messageTarget(), this.messagesGranted) >= this.windowMessages
    )
  }

  /** Raises both limits to what is consumed plus a window; never back. */
  grant(): void {
    this.bytesGranted = later(this.bytesGranted, this.#byteTarget())
    this.messagesGranted = later(this.messagesGranted, this.#messageTarget())
  }

  #byteTarget(): number {
    return (this.bytesConsumed + this.partialBytes + this.windowBytes) | 0
  }

  #messageTarget(): number {
    return (this.messagesConsumed + this.windowMessages) | 0
  }
}

/** What we let the other side send on the whole connection: consumed on arrival, withheld only by R3. */
export class ConnectionCredit {
  windowBytes: number
  bytesReceived = 0
  bytesGranted: number

  constructor(windowBytes: number) {
    this.windowBytes = windowBytes
    this.bytesGranted = windowBytes | 0
  }

  get bytesLeft(): number {
    return remaining(this.bytesGranted, this.bytesReceived)
  }

  /** Whether so much is left that the other side must send what it has (spec §10.4). */
  get obligesSender(): boolean {
    return 2 * this.bytesLeft >= this.windowBytes
  }

  receive(bytes: number): boolean {
    this.bytesReceived = (this.bytesReceived + bytes) | 0
    return remaining(this.bytesGranted, this.bytesReceived) >= 0
  }

  isDue(): boolean {
    const owedBytes = remaining((this.bytesReceived + this.windowBytes) | 0, this.bytesGranted)
    return owedBytes >= MOST_OWED_BYTES || 2 * owedBytes >= this.windowBytes
  }

  grant(): void {
    this.bytesGranted = later(this.bytesGranted, (this.bytesReceived + this.windowBytes) | 0)
  }
}
