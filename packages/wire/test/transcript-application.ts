// Owns: the application of the endpoint under test in transcripts: what it does with the channels that the runner opens, by
// their names, and what `do` steps tell it to do (spec/vectors/README.md).
// Must not know: frames and bytes of the wire, other steps.
import {
  acceptAsEcho,
  hex,
  type RecordedChannel,
  RecordingChannelSink,
  RecordingSessionSink,
  readU32,
  unhex,
} from '@peerplex/testkit'
import { type Channel, type OpenOptions, PeerplexError, type Session } from '@peerplex/wire'
import { expect } from 'vitest'
import {
  type ChannelOp,
  type EntryValue,
  type ExpectOp,
  expand,
  type Op,
  type OpenOp,
  type SendOp,
  type SessionOp,
} from './transcript-files.js'

/** Wire codes, repeated here so that a slip in the library's table shows. */
const CODE = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNSUPPORTED_CODEC: 33,
  REF_GONE: 37,
} as const
/** Codecs 0, 1 and 2 exist. */
const LAST_CODEC = 2
const REF_NAME = '~ref'
const REF_BYTES = 8

type Behaviour = (channel: Channel, sink: RecordingChannelSink) => void

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  echo: acceptAsEcho,
  [REF_NAME]: acceptAsEcho,
  sink: (channel, sink) => {
    channel.accept(sink)
  },
  stuck: acceptPaused,
  slow: acceptPaused,
  stop: (channel, sink) => {
    channel.accept(sink)
    channel.stop(CODE.CANCELLED)
  },
  fail: (channel, sink) => {
    channel.accept(sink)
    channel.fail(CODE.INVALID_ARGUMENT)
    channel.settle()
  },
  hold: () => {},
}

function acceptPaused(channel: Channel, sink: RecordingChannelSink): void {
  channel.pause()
  channel.accept(sink)
}

/** A function or stream that the application has sent. */
interface Exported {
  readonly isStream: boolean
  /** Channels whose messages carried it. */
  readonly carriers: Channel[]
  isRetained: boolean
  isUsed: boolean
}

export class Application {
  /** To be given to the session. */
  readonly sink: RecordingSessionSink
  /** The n-th `open` is n − 1 here; null for one that was refused locally. */
  readonly #opened: (RecordedChannel | null)[] = []
  readonly #exported = new Map<number, Exported>()

  constructor() {
    this.sink = new RecordingSessionSink((channel, sink) => this.#receive(channel, sink))
    this.sink.onEvent = (event) => {
      const exported = event.type === 'refFreed' ? this.#exported.get(event.refId) : undefined
      if (exported !== undefined) exported.isRetained = false
    }
  }

  /** How many calls the application has had, on the session and on all channels: the same number means that it was told nothing. */
  get eventCount(): number {
    return [...this.sink.inbound, ...this.#opened].reduce(
      (count, recorded) => count + (recorded?.sink.events.length ?? 0),
      this.sink.events.length,
    )
  }

  /** Plays a `do` step. What the endpoint refuses locally has no effect. */
  perform(session: Session, op: Op): void {
    try {
      if (op.op === 'open') this.#open(session, op)
      else if ('channel' in op) this.#performOn(this.#recorded(op.channel), op)
      else this.#performOnSession(session, op)
    } catch (error) {
      if (!(error instanceof PeerplexError)) throw error
    }
  }

  #performOnSession(session: Session, op: SessionOp): void {
    switch (op.op) {
      case 'drain':
        session.drain(op.graceMs)
        break
      case 'close':
        session.close()
        break
      case 'admit':
        session.admit()
        break
      case 'refuseAuth':
        session.refuseAuth()
        break
      default:
        throw new Error(`there is no op ${JSON.stringify(op)}`)
    }
  }

  #performOn(recorded: RecordedChannel, op: ChannelOp): void {
    const { channel, sink } = recorded
    switch (op.op) {
      case 'send':
        this.#send(channel, op)
        break
      case 'end':
        channel.end()
        break
      case 'fail':
        channel.fail(op.code)
        break
      case 'reset':
        channel.reset(op.code)
        break
      case 'read':
        readOne(recorded)
        break
      case 'accept':
        channel.accept(sink)
        break
      case 'refuse':
        channel.refuse(op.code)
        break
      case 'settle':
        channel.settle()
        break
      case 'expect':
        check(sink, op)
        break
      default:
        throw new Error(`there is no op ${JSON.stringify(op)}`)
    }
  }

  #open(session: Session, op: OpenOp): void {
    const { op: _, name, paused, message, headers, ...options } = op
    const sink = new RecordingChannelSink()
    const at = this.#opened.push(null) - 1
    const channel = session.open(name, {
      ...(options satisfies OpenOptions),
      ...(message !== undefined && { message: expand(message) }),
      headers: headersOf(headers),
      sink,
    })
    if (paused === true) channel.pause()
    this.#opened[at] = { channel, sink }
    this.#export(channel, headers)
  }

  #send(channel: Channel, { message, headers, isLast }: SendOp): void {
    if (isLast === true) channel.sendLast(expand(message), headersOf(headers))
    else channel.send(expand(message), headersOf(headers))
    this.#export(channel, headers)
  }

  /** Notes the references in a message that was sent. */
  #export(carrier: Channel, headers: readonly EntryValue[] = []): void {
    for (const [key, { v }] of headers) {
      if (key !== 'refs') continue
      const refs = unhex(String(v))
      for (let at = 0; at < refs.length; at += REF_BYTES) {
        const refId = readU32(refs, at)
        const known = this.#exported.get(refId)
        const exported = known ?? {
          isStream: refs[at + 4] !== 0,
          carriers: [],
          isRetained: false,
          isUsed: false,
        }
        exported.carriers.push(carrier)
        exported.isRetained ||= refs[at + 5] === 1
        this.#exported.set(refId, exported)
      }
    }
  }

  /** What the layer of names does: name before codec; `encoding` is the session's own affair. */
  #receive(channel: Channel, sink: RecordingChannelSink): void {
    const behaviour = Object.hasOwn(BEHAVIOURS, channel.name) ? BEHAVIOURS[channel.name] : undefined
    const code = behaviour === undefined ? CODE.UNIMPLEMENTED : this.#refusal(channel)
    if (behaviour === undefined || code !== 0) channel.refuse(code)
    else behaviour(channel, sink)
  }

  /** Why a channel with a known name is refused; 0: it is not. */
  #refusal(channel: Channel): number {
    if (channel.name === REF_NAME) {
      const refId = channel.headers.getNumber('ref')
      if (refId === undefined) return CODE.INVALID_ARGUMENT
      const exported = this.#exported.get(refId)
      if (exported === undefined || !isLive(exported)) return CODE.REF_GONE
      if (exported.isStream && exported.isUsed) return CODE.FAILED_PRECONDITION
      exported.isUsed = true
    }
    return channel.codec > LAST_CODEC ? CODE.UNSUPPORTED_CODEC : 0
  }

  /** Above 0: the n-th that an `open` step asked for; below: the newest that the runner opened with this id. */
  #recorded(number: number): RecordedChannel {
    const recorded =
      number > 0
        ? this.#opened[number - 1]
        : this.sink.inbound.findLast(({ channel }) => channel.id === number)
    if (recorded === undefined || recorded === null) throw new Error(`there is no channel ${number}`)
    return recorded
  }
}

function isLive({ isRetained, carriers }: Exported): boolean {
  return isRetained || carriers.some((carrier) => !carrier.isClosed)
}

function check(sink: RecordingChannelSink, { messages, isEnded, outcome }: ExpectOp): void {
  if (messages !== undefined) expect(sink.messages.map((message) => hex(message))).toEqual(messages)
  if (isEnded !== undefined) expect(sink.isEnded, 'isEnded').toBe(isEnded)
  if (outcome === undefined) return
  if (sink.outcome === null) throw new Error('the channel has not ended')
  const { code, delivery, headers } = sink.outcome
  expect({ code, delivery, entries: headers.size }).toMatchObject(outcome)
}

/** Takes one message of a paused channel: from then on the application has it like one that was handed over. */
function readOne({ channel, sink }: RecordedChannel): void {
  const message = channel.read()
  if (message === null) throw new Error('there is nothing to read')
  sink.onMessage(message.payload, message.headers, channel)
}

function headersOf(headers: readonly EntryValue[] = []): [string, string | number | Uint8Array][] {
  return headers.map(([key, { t, v }]) => [key, t === 'bin' ? unhex(String(v)) : v])
}
