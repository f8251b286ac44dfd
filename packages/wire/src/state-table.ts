// Owns: how a list of transition rows becomes a table that a frame can be looked up in.
// Must not know: which machine it is. An UPPER_CASE event comes from the remote, a lowerCase one from the local program.

/** One transition: from, event, to, and the section of spec/protocol.md that says so. */
export type TransitionRow = readonly [from: string, event: string, to: string, section: number]

/** What `StateTable.next` answers when there is no row: an error, whose side is the side of the event. */
export const NO_TRANSITION = 0xff

/** A state machine compiled for lookup: states and events are small numbers, the transition is one array read. */
export class StateTable {
  readonly states: readonly string[]
  readonly events: readonly string[]
  readonly #next: Uint8Array

  constructor(states: readonly string[], rows: readonly TransitionRow[]) {
    this.states = states
    this.events = [...new Set(rows.map((row) => row[1]))]
    this.#next = new Uint8Array(this.events.length * states.length).fill(NO_TRANSITION)
    for (const [from, event, to] of rows) {
      this.#next[this.event(event) * states.length + this.state(from)] = this.state(to)
    }
  }

  /** The state after `event` in `state`, or NO_TRANSITION. */
  next(state: number, event: number): number {
    return this.#next[event * this.states.length + state] as number
  }

  /** The number of a state by name; looked up once at load. */
  state(name: string): number {
    return indexOf(this.states, name)
  }

  /** The number of an event by name; looked up once at load. */
  event(name: string): number {
    return indexOf(this.events, name)
  }
}

function indexOf(names: readonly string[], name: string): number {
  const index = names.indexOf(name)
  if (index < 0) throw new RangeError(`no state or event '${name}'`)
  return index
}
