// Owns: what the tests of credit, fragments and limits share: a session and a script that shook hands, payloads, and the
// charge of a frame, computed from the specification alone.
// Must not know: what is right in any situation; that is said by the tests.

import {
  MemoryPair,
  type MemoryPairOptions,
  type NaiveFrame,
  type NaiveFrameOf,
  open,
  RAW_FLAG,
  type RawHello,
  type RawOpen,
  RecordingChannelSink,
  ScriptedPeer,
  type ScriptedPeerOptions,
} from '@peerplex/testkit'
import type { Channel, OpenOptions, Session, SessionLimits } from '@peerplex/wire'

export const { FIN, MORE, MSG, TRL, NOPROC, ONEWAY } = RAW_FLAG

/** Charged for each frame with MSG besides its size. */
export const MSG_BYTES = 32
/** Held for each queued message besides its bytes. */
export const QUEUED_BYTES = 192
export const KIB = 1024
export const MIB = 1024 * 1024
export const SECOND = 1_000
/** The wire code, as it stands in the specification. */
export const REFUSED = 32
/** Limits of a session that time does not end. */
export const NO_IDLE = { idleTimeoutMs: 0 }

/** A session, both HELLOs exchanged. Inbound channels are accepted unless `sink` says otherwise. */
export function ready(options: ScriptedPeerOptions = {}, hello: RawHello = {}): ScriptedPeer {
  const script = new ScriptedPeer(options)
  script.handshake(hello)
  return script
}

/** A session that lets the other side open `maxOpenChannels` at once. */
export function serving(maxOpenChannels: number): ScriptedPeer {
  return ready({ limits: { maxOpenChannels, idleTimeoutMs: 0 } }, { idleMs: 0 })
}

/** A session under memory pressure soon: 64 KiB of unread messages are enough. */
export function tight(limits: Partial<SessionLimits> = {}): ScriptedPeer {
  return ready(
    {
      limits: {
        ...NO_IDLE,
        maxUnreadBytes: 64 * KIB,
        connectionWindowBytes: 64 * KIB,
        channelWindowBytes: 64 * KIB,
        ...limits,
      },
    },
    { idleMs: 0 },
  )
}

/** Two sessions, both HELLOs exchanged. */
export function readyPair(options: MemoryPairOptions = {}): MemoryPair {
  const pair = new MemoryPair(options)
  pair.pump()
  return pair
}

/** A channel and the sink that records it. */
export interface Recorded {
  readonly channel: Channel
  readonly sink: RecordingChannelSink
}

/** A channel opened by a session; nothing is pumped. */
export function opened(session: Session, options: OpenOptions = {}, name = 'svc'): Recorded {
  const sink = new RecordingChannelSink()
  return { channel: session.open(name, { sink, ...options }), sink }
}

/** A channel opened by the session whose OPEN the script has seen. */
export function openedAndSeen(script: ScriptedPeer, options: OpenOptions = {}): Recorded {
  const one = opened(script.session, options)
  script.expect('OPEN')
  return one
}

/** A channel opened by the script, and the sink it was accepted with. */
export function inbound(script: ScriptedPeer, fields: RawOpen = {}): Recorded {
  script.send(open(fields))
  const { channel, sink } = script.sink.inboundAt(script.sink.inbound.length - 1)
  return { channel, sink }
}

/** So many bytes, not all alike. */
export function bytesOf(count: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(count)
  for (let i = 0; i < count; i++) bytes[i] = (start + i * 7) % 251
  return bytes
}

/** What a frame costs: its size, and 32 if it has MSG; a DATA with FIN and without MSG is free, as are all other types. */
export function chargeOf(frame: NaiveFrame): number {
  if (frame.kind !== 'OPEN' && frame.kind !== 'DATA') return 0
  const hasMessage = has(frame, MSG)
  if (frame.kind === 'DATA' && has(frame, FIN) && !hasMessage) return 0
  return frame.size + (hasMessage ? MSG_BYTES : 0)
}

export function has(frame: NaiveFrame, flag: number): boolean {
  return (frame.flags & flag) !== 0
}

/** The sum of all charges. */
export function chargesOf(frames: readonly NaiveFrame[]): number {
  return frames.reduce((sum, frame) => sum + chargeOf(frame), 0)
}

export function ofKind<K extends NaiveFrame['kind']>(
  frames: readonly NaiveFrame[],
  kind: K,
): NaiveFrameOf<K>[] {
  return frames.filter((frame) => frame.kind === kind) as unknown as NaiveFrameOf<K>[]
}

/** `OPEN`, `DATA` and so on of one channel, in their order. */
export function onChannel(frames: readonly NaiveFrame[], chan: number): NaiveFrame[] {
  return frames.filter((frame) => frame.chan === chan)
}

/** Payload lengths of DATA frames. */
export function payloadSizes(frames: readonly NaiveFrame[]): number[] {
  return ofKind(frames, 'DATA').map((frame) => frame.payload.length)
}

/** Whether both are the same; comparing large arrays by `toEqual` takes seconds. */
export function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0
}

/** What `run` throws; fails when it throws nothing. */
export function thrown(run: () => unknown): { code?: string; message: string } {
  try {
    run()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  throw new Error('nothing was thrown')
}

/** A number as it stands on the wire: modulo 2^32. */
export function wrapped(value: number): number {
  return ((value % 2 ** 32) + 2 ** 32) % 2 ** 32
}

/** The fields that count, of an object that counts credit. Kept as signed 32-bit numbers. */
type Counters = Readonly<Record<string, unknown>>
const SEND = ['byteLimit', 'bytesSent', 'messageLimit', 'messagesSent', 'bytesSentAtCredit']
const RECEIVE = [
  'bytesReceived',
  'bytesConsumed',
  'bytesGranted',
  'messagesReceived',
  'messagesConsumed',
  'messagesGranted',
]

/** Moves the counters of a channel and of its session's connection on by `by`, as if that much had been transferred. */
export function countFrom(session: Session, channel: Channel, by: number): void {
  shift(channel.sendCredit, SEND, by)
  shift(channel.receiveCredit, RECEIVE, by)
  countConnectionFrom(session, by)
}

export function countConnectionFrom(session: Session, by: number): void {
  shift(session.channels.sender.committer.credit, ['byteLimit', 'bytesSent'], by)
  shift(session.channels.receiver.connection, ['bytesReceived', 'bytesGranted'], by)
}

function shift(counters: object, names: readonly string[], by: number): void {
  const values = counters as Counters
  for (const name of names) (counters as Record<string, number>)[name] = ((values[name] as number) + by) | 0
}
