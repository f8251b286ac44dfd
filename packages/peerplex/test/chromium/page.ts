/**
 * Owns: what a page does when it is told to: run cases, or have answering peers. The library is whatever its build gave it.
 * Must not know: who tells it, what the cases are.
 */
import type * as Peerplex from '../../src/browser.js'
import { localHost } from '../behaviour/callee.js'
import { CASES } from '../behaviour/cases.js'
import { Exchange, hostAnswerer, remoteHost, runnerAnswerer } from '../behaviour/line.js'
import { createPlace, introduceByUrl } from '../behaviour/meet.js'
import type { Place } from '../behaviour/place.js'
import { CaseRunner } from '../behaviour/runner.js'
import * as flood from './flood.js'
import { nodeLine } from './lines.js'
import { closePort, type Loss, terminatePortHolder, terminateWorker } from './losses.js'
import { portPlace, sharedWorkerPlace, workerPlace } from './worker-places.js'

/** What the caller, which is in the page, reaches the answering peer by. */
export type Reach = 'ws' | 'Worker' | 'SharedWorker' | 'MessagePort'

interface RunRequest {
  /** For the matrix. */
  readonly transport: string
  readonly reach: Reach
  readonly floodBytes: number
}

/** What Node finds in the page; `run` and `serve` talk over the line to Node. */
export interface PageDoor {
  readonly library: typeof Peerplex
  /** Cases with the caller in this page. */
  run(request: RunRequest): void
  /** Peers in this page that answer. */
  serve(): void
  readonly flood: typeof flood
  /** `ran`, or the name of the error. */
  tryCodeFromText(): string
  readonly losses: Readonly<Record<'worker' | 'portHolder' | 'port', () => Promise<Loss>>>
}

function tryCodeFromText(): string {
  try {
    return String(new Function('return "ran"')())
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

export function openDoor(library: typeof Peerplex): void {
  const door: PageDoor = {
    library,
    run: (request) => {
      const exchange: Exchange = new Exchange(nodeLine(), (name, input) => answer(name, input))
      const runner = new CaseRunner(placeFor(library, request, exchange), { floodBytes: request.floodBytes })
      const answer = runnerAnswerer(runner, CASES)
    },
    serve: () => {
      new Exchange(nodeLine(), hostAnswerer(localHost(library)))
    },
    flood,
    tryCodeFromText,
    losses: {
      worker: () => terminateWorker(library),
      portHolder: () => terminatePortHolder(library),
      port: () => closePort(library),
    },
  }
  Object.assign(globalThis, { door })
}

function placeFor(library: typeof Peerplex, { transport, reach }: RunRequest, node: Exchange): Place {
  switch (reach) {
    case 'Worker':
      return workerPlace(transport, library)
    case 'SharedWorker':
      return sharedWorkerPlace(transport, library)
    case 'MessagePort':
      return portPlace(transport, library)
    case 'ws':
      return createPlace({
        transport,
        side: 'dialing',
        library,
        introduce: () =>
          introduceByUrl('dialing', remoteHost(node), { newUrl: () => 'ws://127.0.0.1:0/peer' }),
      })
  }
}
