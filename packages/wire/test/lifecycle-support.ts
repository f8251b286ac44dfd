// Owns: the few moves that many lifecycle tests share: a session that shook hands with a script, and its channels.
// Must not know: what is right in any situation; that is said by the tests.

import {
  data,
  open,
  pong,
  RAW_FLAG,
  type RawHello,
  type RawOpen,
  RecordingChannelSink,
  RecordingSessionSink,
  ScriptedPeer,
  type ScriptedPeerOptions,
} from '@peerplex/testkit'
import type { Channel, OpenOptions } from '@peerplex/wire'

export const { FIN, MORE, MSG, TRL, IDEM, NOPROC, ONEWAY, FINAL } = RAW_FLAG

/** Wire codes as they stand in the specification, repeated here so that a slip in the library's table shows. */
export const CODE = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  ABORTED: 10,
  OUT: 11,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  REFUSED: 32,
  UNSUPPORTED_CODEC: 33,
  MESSAGE_TOO_LARGE: 34,
  METADATA_TOO_LARGE: 35,
} as const

/** A session, both HELLOs exchanged. Inbound channels are accepted unless `sink` says otherwise. */
export function ready(options: ScriptedPeerOptions = {}, hello: RawHello = {}): ScriptedPeer {
  const script = new ScriptedPeer(options)
  script.handshake(hello)
  return script
}

/** A session that leaves inbound channels undecided, as a program does that decides later. */
export function undecided(options: ScriptedPeerOptions = {}, hello: RawHello = {}): ScriptedPeer {
  return ready({ sink: new RecordingSessionSink(() => {}), ...options }, hello)
}

/** A channel and the sink that records it. */
export interface Recorded {
  readonly channel: Channel
  readonly sink: RecordingChannelSink
}

/** A channel opened by the session; its OPEN is not looked at. */
export function opened(script: ScriptedPeer, options: OpenOptions = {}, name = 'svc'): Recorded {
  const sink = new RecordingChannelSink()
  return { channel: script.session.open(name, { sink, ...options }), sink }
}

/** A channel opened by the session, its OPEN taken off the wire. */
export function openedAndSent(script: ScriptedPeer, options: OpenOptions = {}, name = 'svc'): Recorded {
  const recorded = opened(script, options, name)
  script.expect((frame) => frame.kind === 'OPEN' && frame.chan === recorded.channel.id, name)
  return recorded
}

/** A channel opened by the script: its OPEN with these fields, and what the session made of it. */
export function inbound(script: ScriptedPeer, fields: RawOpen = {}): Recorded {
  const before = script.sink.inbound.length
  script.send(open({ name: 'svc', ...fields }), 'an OPEN')
  return script.sink.inboundAt(before)
}

/** Lets the session drain and answers its fence, so that it has sent FINAL. Needs a channel that is still open. */
export function drainToFinal(script: ScriptedPeer, graceMs = 10_000): number {
  script.session.drain(graceMs)
  script.expect({ kind: 'GOAWAY', flags: 0 }, 'the notice')
  const fence = script.expect('PING', 'the fence')
  if (fence.kind !== 'PING') throw new Error('not a PING')
  script.send(pong({ payload: fence.payload }), 'the fence is answered')
  const final = script.expect({ kind: 'GOAWAY', flags: FINAL, code: 0 }, 'FINAL')
  if (final.kind !== 'GOAWAY') throw new Error('not a GOAWAY')
  return final.lastId
}

/** The whole input of a channel: FIN without a message. */
export function fin(chan: number): Uint8Array {
  return data({ chan, flags: FIN })
}

/** The error that `run` throws; fails when it throws nothing. */
export function thrown(run: () => unknown): Error & { code?: string; hint?: string } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
