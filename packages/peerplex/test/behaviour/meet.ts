/**
 * Owns: how a caller in this realm and an answering peer anywhere find each other over a URL, with either
 * one dialing.
 * Must not know: transports, what is tested.
 */
import type { Link, Peer } from '../../src/browser.js'
import type {
  CalleeHost,
  CalleeTarget,
  Library,
  Meeting,
  MeetingOptions,
  MeetOptions,
  Need,
  OtherSide,
  Place,
  Side,
} from './place.js'
import { until, within } from './tools.js'

/** How one answering peer and the caller are brought together. */
export interface Introduction {
  /** Where the answering peer is started. */
  readonly host: CalleeHost
  /** What the answering peer binds or connects to; a caller that listens begins to listen here. */
  calleeTarget(caller: Peer): Promise<CalleeTarget>
  /** Called when the answering peer listens. Nothing to do for a caller that listens. */
  dial(caller: Peer, other: OtherSide): Promise<void>
}

export interface PlaceParts {
  readonly transport: string
  readonly side: Side
  /** What makes callers. */
  readonly library: Library
  /** A new one for every answering peer. */
  introduce(): Introduction
  readonly missing?: Partial<Readonly<Record<Need, string>>>
  close?(): Promise<void>
}

/** A place where meetings come about by introductions. */
export function createPlace(parts: PlaceParts): Place {
  return {
    transport: parts.transport,
    side: parts.side,
    reasonFor: (need) => parts.missing?.[need] ?? null,
    meet: (options = {}) => meet(parts, options),
    close: async () => parts.close?.(),
  }
}

/** What differs between transports with URLs. */
export interface UrlOptions {
  /** Where to bind; a new one each time. */
  newUrl(): string
  readonly bind?: Readonly<Record<string, unknown>>
  readonly connect?: Readonly<Record<string, unknown>>
}

/** An introduction by URL. */
export function introduceByUrl(side: Side, host: CalleeHost, options: UrlOptions): Introduction {
  const { newUrl, bind, connect } = options
  if (side === 'listening') {
    return {
      host,
      calleeTarget: async (caller) => {
        const { url } = await caller.bind(newUrl(), bind)
        return { connect: url, ...(connect && { options: connect }) }
      },
      dial: async () => {},
    }
  }
  return {
    host,
    calleeTarget: async () => ({ bind: newUrl(), ...(bind && { options: bind }) }),
    dial: async (caller, other) => {
      await caller.connect(other.url, connect).ready
    },
  }
}

/**
 * An introduction by what was handed in on both sides: two ends of one pipe. `theirs` is what the host
 * knows its end by.
 */
export function introduceByPort(
  side: Side,
  host: CalleeHost,
  { ours, theirs }: { readonly ours: object; readonly theirs: string | object },
): Introduction {
  let link: Link | null = null
  return {
    host,
    // Before the other end has anything to say: a worker keeps nothing for those who listen to it later.
    calleeTarget: async (caller) => {
      if (side === 'dialing') {
        link = caller.connect(ours)
        return { bind: theirs }
      }
      await caller.bind(ours)
      return { connect: theirs }
    },
    dial: async () => link?.ready,
  }
}

async function meet(parts: PlaceParts, { caller: callerOptions, callee }: MeetOptions): Promise<Meeting> {
  const reported: unknown[] = []
  const others: OtherSide[] = []
  const caller = parts.library.createPeer({
    id: 'caller',
    ...callerOptions,
    onError: (error) => reported.push(error),
  })
  const add = async (options: MeetingOptions): Promise<OtherSide> => {
    const introduction = parts.introduce()
    const other = await introduction.host.startCallee(options, await introduction.calleeTarget(caller))
    others.push(other)
    await introduction.dial(caller, other)
    await until(() => caller.peers().some(({ id }) => id === (options.id ?? 'callee')), 'the connection')
    return other
  }
  const close = async (): Promise<void> => {
    const ends = [caller.close(), ...others.map((other) => other.close())]
    await within(Promise.all(ends), 'the end of a meeting')
  }
  try {
    const other = await within(add({ id: 'callee', ...callee }), 'the meeting')
    return { caller, other, reported, another: add, close }
  } catch (error) {
    await close()
    throw error
  }
}
