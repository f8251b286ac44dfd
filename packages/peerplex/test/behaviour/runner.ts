/**
 * Owns: running cases at a place: who gets which meeting, what must not be left behind, and results as
 * data.
 * Must not know: transports, realms, what is tested.
 */
import type { BehaviourCase, CaseResult, Meeting, Outcome, Place } from './place.js'
import { until, within } from './tools.js'

export interface RunOptions {
  /** How much data the long cases move; 8 MB when absent. */
  readonly floodBytes?: number
}

const DEFAULT_FLOOD_BYTES = 8_000_000
const CASE_MS = 120_000

/** The meeting that cases of one place share, and the cases one after the other. */
export class CaseRunner {
  readonly #place: Place
  readonly #floodBytes: number
  #shared: Promise<Meeting> | null = null

  constructor(place: Place, { floodBytes = DEFAULT_FLOOD_BYTES }: RunOptions = {}) {
    this.#place = place
    this.#floodBytes = floodBytes
  }

  /** Never rejects. */
  async run(behaviour: BehaviourCase): Promise<CaseResult> {
    const { transport, side } = this.#place
    return { transport, side, name: behaviour.name, outcome: await this.#outcomeOf(behaviour) }
  }

  async close(): Promise<void> {
    const shared = this.#shared
    this.#shared = null
    await shared?.then((meeting) => meeting.close())
    await this.#place.close()
  }

  async #outcomeOf(behaviour: BehaviourCase): Promise<Outcome> {
    for (const need of behaviour.needs ?? []) {
      const reason = this.#place.reasonFor(need)
      if (reason !== null) return { kind: 'not applicable', reason }
    }
    const startMs = Date.now()
    const own: Meeting[] = []
    const notes: string[] = []
    let text = ''
    try {
      await within(this.#runCase(behaviour, own, notes), 'the end of the case', CASE_MS)
    } catch (error) {
      text = describe(error)
    }
    for (const meeting of own) {
      await meeting.close().catch((error: unknown) => {
        text ||= `closing: ${describe(error)}`
      })
    }
    const ms = Date.now() - startMs
    if (text === '') return { kind: 'pass', ms, ...(notes.length > 0 && { note: notes.join('; ') }) }
    // Whatever it has done to the meeting that others share, they get a new one.
    const shared = this.#shared
    this.#shared = null
    await shared?.then((meeting) => meeting.close()).catch(() => {})
    return { kind: 'fail', ms, text }
  }

  async #runCase(behaviour: BehaviourCase, own: Meeting[], notes: string[]): Promise<void> {
    const place = this.#place
    let used: Meeting | null = null
    await behaviour.run({
      place,
      floodBytes: this.#floodBytes,
      note: (text) => {
        notes.push(text)
      },
      shared: async () => {
        this.#shared ??= place.meet()
        used = await this.#shared
        return used
      },
      meet: async (options) => {
        const meeting = await place.meet(options)
        own.push(meeting)
        return meeting
      },
    })
    if (used !== null) await assertUntouched(used)
    for (const { reported } of own) assertSilent('the caller', reported)
    for (const { other } of own) assertSilent('the other side', await other.reported())
  }
}

/** The connection lives, no channel is open, nothing is held, nobody has complained. */
async function assertUntouched({ caller, other, reported }: Meeting): Promise<void> {
  let left = ''
  const isClean = async (): Promise<boolean> => {
    const sides = [caller.stats(), await other.stats()]
    left = JSON.stringify(
      sides.map(({ connections, queue }) => ({
        queue: queue.queuedCalls,
        connections: connections.map((c) => [
          c.state,
          c.openChannels,
          c.unreadBytes + c.assemblingBytes + c.queuedOutputBytes + c.committedOutputBytes,
        ]),
      })),
    )
    return sides.every(
      ({ connections: [first, ...rest], queue }) =>
        first?.state === 'READY' &&
        rest.length === 0 &&
        first.openChannels === 0 &&
        first.unreadBytes + first.assemblingBytes === 0 &&
        first.queuedOutputBytes + first.committedOutputBytes === 0 &&
        queue.queuedCalls === 0,
    )
  }
  await until(isClean, 'the end of everything that the case began').catch((error: Error) => {
    throw new Error(`${error.message}; left: ${left}`)
  })
  assertSilent('the caller', reported)
  assertSilent('the other side', await other.reported())
}

function assertSilent(who: string, reported: readonly unknown[]): void {
  if (reported.length > 0) throw new Error(`${who} reported ${reported.map(describe).join('; ')}`)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, hint } = error as Error & { code?: string; hint?: string }
  return `${code === undefined ? '' : `${code}: `}${error.message}${hint ? ` (${hint})` : ''}`
}
