// Owns: targets from a file: what counts while the file is missing or wrong, and when it has become another.
// Must not know: what the file looks like (target-file.ts); what is done with the targets.
//
// Changes are found by asking for the state of the file again and again, links followed: one call of the system each time. Notices of the
// system (`fs.watch`) would be sooner, and miss changes: they belong to an inode, so to neither a file that is renamed into place nor a link
// somewhere on the way that is set to another folder (a ConfigMap of Kubernetes is both), and network and shared folders send none.
import { resolve } from 'node:path'
import type { TransportError } from '@peerplex/wire'
import { assertKnown, assertWhole, invalidArgument, showScalar } from '@peerplex/wire/internal'
import type { AbortSignalLike, TargetResolver } from '@peerplex/wire/transport'
import { givenUp, unlessAborted } from './abort.js'
import { ChangeWatch } from './change-watch.js'
import { assertClock, type TargetClock, UNHELD_CLOCK } from './target-clock.js'
import { type FileState, readTargetFile, stateOf, type TargetTable } from './target-file.js'

export interface FileTargetsOptions {
  /** While somebody watches, the file is looked at so long after each look. 50 … 3,600,000; default 1,000. */
  readonly pollMs?: number
  /**
   * The file is missing or wrong, and what it said before goes on counting. Once for each thing that is wrong. Without it, only the
   * first reading can fail visibly.
   */
  readonly onError?: (error: TransportError) => void
  /** For tests. Default: the clock of the machine, with timers that do not hold the process. */
  readonly clock?: TargetClock
}

const NAMES: Readonly<Record<keyof FileTargetsOptions, true>> = { pollMs: true, onError: true, clock: true }

/** A file that is written in pieces is read once two looks, so long apart, see the same. */
const SETTLE_MS = 100
/** A file that never comes to rest is read all the same after so many looks. */
const MAX_SETTLE_LOOKS = 10
/** File systems count time in steps: a file that was written just before it was read may have been written again since. */
const YOUNG_MS = 2_000

/**
 * Targets from a JSON file: a list of URLs for every name, `["tcp://10.0.0.1:7000"]`, or a list for each name or pattern,
 * `{ "billing.*": ["tcp://10.0.0.1:7000"], "**": [] }`, chosen as `handle` chooses; a name without a row has none. At most 1 MiB, 1,024
 * rows and 1,024 URLs, which may be of any scheme but `exec` and `stdio`. Watched, the file is looked at every `pollMs`; a change of what it
 * says is told. What it said last counts while it is missing or wrong, and `onError` hears of that; before there is such a thing, it
 * rejects with TransportError UNAVAILABLE. A relative path is resolved when the call is made. Throws UsageError for options out of range.
 */
export function fileTargets(path: string, options: FileTargetsOptions = {}): TargetResolver {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    const shown = typeof path === 'string' ? `'${path.slice(0, 80)}'` : showScalar(path)
    throw invalidArgument(`fileTargets: path is ${shown}`, 'give the path of a JSON file')
  }
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`fileTargets: the options are ${showScalar(options)}`, 'give an object: { pollMs }')
  }
  assertKnown('option', options, NAMES)
  const { pollMs = 1_000, onError = () => {}, clock = UNHELD_CLOCK } = options
  assertWhole('fileTargets: pollMs', pollMs, 50, 3_600_000)
  if (typeof onError !== 'function') {
    throw invalidArgument(
      `fileTargets: onError is ${showScalar(onError)}`,
      'give a function that takes an error',
    )
  }
  assertClock('fileTargets: clock', clock)
  const file = new WatchedFile(resolve(path), onError, clock)
  const changes = new ChangeWatch({ clock, intervalMs: pollMs, look: () => file.lookAtRest() })
  return Object.assign(
    (name: string, { signal }: { readonly signal: AbortSignalLike }) => file.ask(name, signal),
    { watch: (onChange: () => void) => changes.add(onChange, file.version) },
  )
}

class WatchedFile {
  readonly #path: string
  readonly #onError: (error: TransportError) => void
  readonly #clock: TargetClock
  /** What the file said when it last was right; null before that. */
  #table: TargetTable | null = null
  /** What is wrong with it now. */
  #error: TransportError | null = null
  /** The state that was read last, right or wrong; null when it has to be read again in any case. */
  #stamp: string | null = null
  #version = 0
  #reading: Promise<void> | null = null

  constructor(path: string, onError: (error: TransportError) => void, clock: TargetClock) {
    this.#path = path
    this.#onError = onError
    this.#clock = clock
  }

  /** Counts the changes of what the file says; the first reading is nobody's news. */
  get version(): number {
    return this.#version
  }

  async ask(name: string, signal: AbortSignalLike): Promise<readonly string[]> {
    const what = `targets of ${this.#path}`
    if (signal.aborted) throw givenUp(what, signal)
    await unlessAborted(this.#look(), signal, what)
    if (this.#table !== null) return this.#table.find(name)
    throw this.#error
  }

  /** Reads the file if it has changed and come to rest since; gives the version. Never rejects. */
  async lookAtRest(): Promise<number> {
    let state = await stateOf(this.#path)
    for (let looks = 0; looks < MAX_SETTLE_LOOKS && state.stamp !== this.#stamp; looks++) {
      await this.#pause()
      const before = state
      state = await stateOf(this.#path)
      if (state.stamp === before.stamp) break
    }
    await this.#look(state)
    return this.#version
  }

  /** One reading at a time, whoever asks. */
  #look(state?: FileState): Promise<void> {
    this.#reading ??= this.#readIfChanged(state).finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #readIfChanged(known?: FileState): Promise<void> {
    const { stamp, modifiedMs } = known ?? (await stateOf(this.#path))
    if (stamp === this.#stamp) return
    // As it was before it is read: what is written meanwhile is another state.
    this.#stamp = Math.abs(Date.now() - modifiedMs) < YOUNG_MS ? null : stamp
    try {
      const table = await readTargetFile(this.#path)
      const isFirst = this.#table === null && this.#error === null
      if (!isFirst && this.#table?.key !== table.key) this.#version += 1
      this.#table = table
      this.#error = null
    } catch (thrown) {
      const error = thrown as TransportError
      const isNews = error.message !== this.#error?.message
      this.#error = error
      // In a turn of its own: what it throws is seen as an uncaught error, and is none of the file.
      if (isNews && this.#table !== null) queueMicrotask(() => this.#onError(error))
    }
  }

  #pause(): Promise<void> {
    return new Promise((done) => {
      this.#clock.setTimer(this.#clock.now() + SETTLE_MS, done)
    })
  }
}
