/**
 * Owns: cases within one page, over memory: put into a page that has the library already.
 * Must not know: what is tested.
 */
import { localHost } from '../behaviour/callee.js'
import { CASES } from '../behaviour/cases.js'
import { Exchange, runnerAnswerer } from '../behaviour/line.js'
import { createPlace, introduceByUrl } from '../behaviour/meet.js'
import type { Library, Side } from '../behaviour/place.js'
import { CaseRunner } from '../behaviour/runner.js'
import { nodeLine } from '../chromium/lines.js'

export interface MemoryRequest {
  readonly transport: string
  readonly side: Side
  readonly kind: 'byte' | 'message'
  readonly floodBytes: number
}

/** What Node finds in the page. */
export interface MemoryDoor {
  runInMemory(request: MemoryRequest): void
}

const scope = globalThis as unknown as { readonly door: { readonly library: Library } } & Partial<MemoryDoor>
let nameCount = 0

scope.runInMemory = ({ transport, side, kind, floodBytes }) => {
  const { library } = scope.door
  const newUrl = (): string => `memory:page-${nameCount++}?kind=${kind}`
  const introduce = () => introduceByUrl(side, localHost(library), { newUrl })
  const runner = new CaseRunner(createPlace({ transport, side, library, introduce }), { floodBytes })
  new Exchange(nodeLine(), runnerAnswerer(runner, CASES))
}
