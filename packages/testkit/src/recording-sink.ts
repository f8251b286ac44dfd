/**
 * Owns: sinks for sessions and channels that write down every call, so that a test can look at plain arrays.
 * Must not know: how bytes travel (whoever drives the session sets `driver`), or which calls are expected.
 */
import type {
  Channel,
  ChannelSink,
  DrainInfo,
  Headers,
  Hello,
  Outcome,
  PeerplexError,
  SessionSink,
} from '@peerplex/wire'
import { toText } from './bytes.js'

/** One call on a channel sink. Payloads are copies. */
export type ChannelEvent =
  | { type: 'message'; payload: Uint8Array; headers: Headers }
  | { type: 'readable' }
  | { type: 'headers'; headers: Headers }
  | { type: 'end'; trailers: Headers }
  | { type: 'writable' }
  | { type: 'stop'; code: number }
  | { type: 'close'; outcome: Outcome }

/** What a test wants done inside a call, after it was written down. */
export type ChannelEventHandler = (event: ChannelEvent, channel: Channel) => void

/** Writes down what happens on one channel. */
export class RecordingChannelSink implements ChannelSink {
  readonly events: ChannelEvent[] = []
  /** May be set or changed at any time. */
  onEvent: ChannelEventHandler | null

  constructor(onEvent: ChannelEventHandler | null = null) {
    this.onEvent = onEvent
  }

  onMessage(payload: Uint8Array, headers: Headers, channel: Channel): void {
    this.#record({ type: 'message', payload: payload.slice(), headers }, channel)
  }

  onReadable(channel: Channel): void {
    this.#record({ type: 'readable' }, channel)
  }

  onHeaders(headers: Headers, channel: Channel): void {
    this.#record({ type: 'headers', headers }, channel)
  }

  onEnd(trailers: Headers, channel: Channel): void {
    this.#record({ type: 'end', trailers }, channel)
  }

  onWritable(channel: Channel): void {
    this.#record({ type: 'writable' }, channel)
  }

  onStop(code: number, channel: Channel): void {
    this.#record({ type: 'stop', code }, channel)
  }

  onClose(outcome: Outcome, channel: Channel): void {
    this.#record({ type: 'close', outcome }, channel)
  }

  /** The kinds of calls in order, for example `['message', 'end', 'close']`. */
  get types(): ChannelEvent['type'][] {
    return this.events.map((event) => event.type)
  }

  /** All messages that were pushed (not those taken by `read()`). */
  get messages(): Uint8Array[] {
    return this.events.flatMap((event) => (event.type === 'message' ? [event.payload] : []))
  }

  /** The same as text. */
  get texts(): string[] {
    return this.messages.map(toText)
  }

  /** Headers of the first message, or null. */
  get messageHeaders(): Headers | null {
    return this.#find('message')?.headers ?? null
  }

  /** Headers that came without a message; the first ones, or null. */
  get headers(): Headers | null {
    return this.#find('headers')?.headers ?? null
  }

  /** Whether the other side's output is complete. */
  get isEnded(): boolean {
    return this.#find('end') !== null
  }

  get trailers(): Headers | null {
    return this.#find('end')?.trailers ?? null
  }

  /** The code of the STOP, or null. */
  get stopCode(): number | null {
    return this.#find('stop')?.code ?? null
  }

  /** How the channel ended, or null while it is alive. */
  get outcome(): Outcome | null {
    return this.#find('close')?.outcome ?? null
  }

  #find<T extends ChannelEvent['type']>(type: T): Extract<ChannelEvent, { type: T }> | null {
    return (this.events.find((event) => event.type === type) as Extract<ChannelEvent, { type: T }>) ?? null
  }

  #record(event: ChannelEvent, channel: Channel): void {
    this.events.push(event)
    this.onEvent?.(event, channel)
  }
}

/** One call on a session sink, without those that only drive the transport and the clock. */
export type SessionEvent =
  | { type: 'hello'; hello: Hello }
  | { type: 'channel'; channel: Channel }
  | { type: 'drain'; isFinal: boolean; graceMs: number }
  | { type: 'refFreed'; refId: number }
  | { type: 'close'; error: PeerplexError | null }
  | { type: 'handlerError'; error: unknown; channel: Channel }

/** An inbound channel and the sink it was accepted with (empty of events when a handler chose another). */
export interface RecordedChannel {
  readonly channel: Channel
  readonly sink: RecordingChannelSink
}

/** The part of a session sink that moves bytes and time; set by whoever drives the session. */
export interface SessionDriver {
  onOutputPending(): void
  onTimer(atMs: number): void
  /** Sees every event that is written down. */
  onEvent?(event: SessionEvent): void
}

/** Decides what happens with an inbound channel: accept it with the sink or another one, refuse it, or leave it for later. */
export type InboundHandler = (channel: Channel, sink: RecordingChannelSink) => void

/** Writes down what happens in a session. Inbound channels are accepted with a recording sink unless told otherwise. */
export class RecordingSessionSink implements SessionSink {
  readonly events: SessionEvent[] = []
  /** Channels that the other side opened, in order. */
  readonly inbound: RecordedChannel[] = []
  driver: SessionDriver | null = null
  /** May be set or changed at any time. */
  onInbound: InboundHandler
  /** Called for each event after it was written down. */
  onEvent: ((event: SessionEvent) => void) | null = null

  constructor(onInbound: InboundHandler = acceptAll) {
    this.onInbound = onInbound
  }

  onOutputPending(): void {
    this.driver?.onOutputPending()
  }

  onTimer(atMs: number): void {
    this.driver?.onTimer(atMs)
  }

  onHello(hello: Hello): void {
    this.#record({ type: 'hello', hello })
  }

  onChannel(channel: Channel): void {
    const sink = new RecordingChannelSink()
    this.inbound.push({ channel, sink })
    this.#record({ type: 'channel', channel })
    this.onInbound(channel, sink)
  }

  onDrain(info: DrainInfo): void {
    this.#record({ type: 'drain', isFinal: info.isFinal, graceMs: info.graceMs })
  }

  onRefFreed(refId: number): void {
    this.#record({ type: 'refFreed', refId })
  }

  onClose(error: PeerplexError | null): void {
    this.#record({ type: 'close', error })
  }

  onHandlerError(error: unknown, channel: Channel): void {
    this.#record({ type: 'handlerError', error, channel })
  }

  /** The kinds of calls in order. */
  get types(): SessionEvent['type'][] {
    return this.events.map((event) => event.type)
  }

  /** The other side's HELLO, or null. */
  get hello(): Hello | null {
    return this.events.flatMap((event) => (event.type === 'hello' ? [event.hello] : []))[0] ?? null
  }

  /** Whether the session has reported its end. */
  get isClosed(): boolean {
    return this.events.some((event) => event.type === 'close')
  }

  /** Why it ended: null while it lives and after an end without an error (see `isClosed`). */
  get closeError(): PeerplexError | null {
    return this.events.flatMap((event) => (event.type === 'close' ? [event.error] : []))[0] ?? null
  }

  /** What handlers have thrown. */
  get handlerErrors(): unknown[] {
    return this.events.flatMap((event) => (event.type === 'handlerError' ? [event.error] : []))
  }

  /** The n-th inbound channel; throws when there are fewer. */
  inboundAt(index: number): RecordedChannel {
    const found = this.inbound[index]
    if (found === undefined)
      throw new Error(`there is no inbound channel ${index}, only ${this.inbound.length}`)
    return found
  }

  #record(event: SessionEvent): void {
    this.events.push(event)
    this.driver?.onEvent?.(event)
    this.onEvent?.(event)
  }
}

/** Accepts a channel with the sink that records it. */
export function acceptAll(channel: Channel, sink: RecordingChannelSink): void {
  channel.accept(sink)
}

/** Accepts a channel and sends every message back as it comes; its end too. */
export function acceptAsEcho(channel: Channel, sink: RecordingChannelSink): void {
  sink.onEvent = (event) => {
    if (event.type === 'message' && channel.isWritable) channel.send(event.payload)
    if (event.type === 'end' && channel.isWritable) channel.end()
    if (event.type === 'end' || event.type === 'close') channel.settle()
  }
  channel.accept(sink)
}
