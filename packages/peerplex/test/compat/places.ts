/**
 * Owns: where the cases run in a runtime that is not a page: each transport, with the answering peer in this realm, in a
 * thread, or at the end of a line.
 * Must not know: which runtime this is, what is tested.
 */
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { localHost } from '../behaviour/callee.js'
import {
  createPlace,
  introduceByPort,
  introduceByUrl,
  type PlaceParts,
  type UrlOptions,
} from '../behaviour/meet.js'
import type { CalleeHost, Library, Place, Side } from '../behaviour/place.js'
import type { Task } from './columns.js'
import { ONCE, threadPlace } from './thread.js'

/** What places are made of. */
export interface Realm {
  readonly library: Library
  /** The program that becomes an answering peer when it is started as a thread. */
  readonly file: URL
  readonly dir: Task['dir']
  readonly tls: Task['tls']
}

const URL_OPTIONS: Readonly<Record<string, (realm: Realm, name: string) => UrlOptions>> = {
  tcp: () => ({ newUrl: () => 'tcp://127.0.0.1:0' }),
  unix: ({ dir }, name) => ({ newUrl: () => `unix:${join(dir, `${name}.sock`)}` }),
  ws: () => ({ newUrl: () => 'ws://127.0.0.1:0/peer' }),
  wss: ({ tls }) => ({
    newUrl: () => 'wss://127.0.0.1:0/peer',
    bind: { tls },
    connect: { tls: { ca: tls.cert } },
  }),
  'memory-byte': (_realm, name) => ({ newUrl: () => `memory:${name}?kind=byte` }),
  'memory-message': (_realm, name) => ({ newUrl: () => `memory:${name}?kind=message` }),
}

let nameCount = 0

/** A transport, with the answering peer at `partner`; null is this realm. */
export function placeFor(realm: Realm, transport: string, side: Side, partner: CalleeHost | null): Place {
  const { library, file } = realm
  if (transport === 'worker') return threadPlace(library, file, side)
  const host = partner ?? localHost(library)
  if (transport === 'port') {
    const introduce: PlaceParts['introduce'] = () => {
      const { port1: ours, port2: theirs } = new MessageChannel()
      return introduceByPort(side, host, { ours, theirs })
    }
    return createPlace({ transport, side, library, introduce, missing: { restart: ONCE } })
  }
  const makeOptions = URL_OPTIONS[transport]
  if (makeOptions === undefined) throw new Error(`unknown transport ${transport}`)
  const introduce: PlaceParts['introduce'] = () =>
    introduceByUrl(side, host, makeOptions(realm, `c${process.pid}-${nameCount++}`))
  return createPlace({ transport, side, library, introduce })
}
