// Owns: the options of a memory transport, their defaults and bounds.
// Must not know: what they do.
import { type ConnectionKind, UsageError } from '@peerplex/wire'

export interface MemoryTransportOptions {
  /** What a listener makes of a name without `?kind=`: a stream of bytes or of messages. Default `byte`. */
  readonly kind?: ConnectionKind
  /**
   * After so many deliveries in a row each end of a connection waits for a new task of the event loop: microtasks alone
   * would keep timers and input from ever getting a turn while two sides talk without a pause. Infinity leaves that out,
   * for simulations where a run must end when the microtasks do. Default 256.
   */
  readonly maxDeliveriesPerTask?: number
}

export type ResolvedMemoryOptions = Required<MemoryTransportOptions>

/** A task costs some 20 µs and a delivery about 1 µs: at this count the tasks are below a tenth of the time. */
const MAX_DELIVERIES_PER_TASK = 256

/** Throws UsageError INVALID_ARGUMENT for an option out of range. */
export function resolveMemoryOptions(options: MemoryTransportOptions): ResolvedMemoryOptions {
  const { kind = 'byte', maxDeliveriesPerTask = MAX_DELIVERIES_PER_TASK } = options
  if (kind !== 'byte' && kind !== 'message') throw badOption('kind', kind, `write 'byte' or 'message'`)
  if (typeof maxDeliveriesPerTask !== 'number' || !(maxDeliveriesPerTask >= 1))
    throw badOption('maxDeliveriesPerTask', maxDeliveriesPerTask, 'from 1 to Infinity')
  return { kind, maxDeliveriesPerTask }
}

function badOption(name: string, value: unknown, hint: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', `createMemoryTransport: ${name} is ${String(value)}`, { hint })
}
