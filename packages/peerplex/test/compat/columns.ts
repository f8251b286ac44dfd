/**
 * Owns: what a program of the compatibility run is told and says, and the order in which it runs the cases.
 * Must not know: which runtime this is, what is tested, what becomes of the lines.
 */
import { CASES } from '../behaviour/cases.js'
import type { Runner } from '../behaviour/line.js'
import type { CaseResult, Side } from '../behaviour/place.js'

export interface Task {
  /** `answer`: serves callers over the standard streams, until its input ends. */
  readonly role: 'call' | 'answer'
  /** Whether the answering peers are at the other end of the standard streams. */
  readonly hasPartner: boolean
  readonly transports: readonly string[]
  /** Of the caller. */
  readonly sides: readonly Side[]
  readonly floodBytes: number
  /** For Unix sockets. */
  readonly dir: string
  /** For 127.0.0.1, and its own authority; as PEM. */
  readonly tls: { readonly cert: string; readonly key: string }
}

/** What the program says. `hello` comes first, with name and version; `done` when there is nothing left to do but to end. */
export type Report =
  | { readonly event: 'hello'; readonly runtime: string }
  | { readonly event: 'begin'; readonly transport: string; readonly side: Side; readonly name: string }
  | { readonly event: 'result'; readonly result: CaseResult }
  | { readonly event: 'broken'; readonly transport: string; readonly side: Side; readonly text: string }
  | { readonly event: 'line'; readonly message: unknown }
  | { readonly event: 'done' }

export function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

/**
 * All cases on each transport, from each side; `start` makes what runs them, or null when there is no such side.
 * Also tells of what goes wrong that nobody waits for.
 */
export async function runColumns(
  { transports, sides }: Task,
  start: (transport: string, side: Side) => Promise<Runner | null>,
): Promise<void> {
  let place: { readonly transport: string; readonly side: Side } = { transport: '', side: 'dialing' }
  let caseName = ''
  process.on('unhandledRejection', (error) => {
    const text = `'${caseName}', or one before: nobody handled ${String(error)}`
    say({ event: 'broken', ...place, text })
  })
  for (const transport of transports) {
    for (const side of sides) {
      place = { transport, side }
      const runner = await start(transport, side)
      if (runner === null) continue
      for (const behaviour of CASES) {
        caseName = behaviour.name
        say({ event: 'begin', ...place, name: caseName })
        const result = await runner.run(behaviour)
        say({ event: 'result', result: { ...result, ...place } })
      }
      await runner.close().catch((error: unknown) => {
        say({ event: 'broken', ...place, text: `closing the place: ${String(error)}` })
      })
    }
  }
  say({ event: 'done' })
}
