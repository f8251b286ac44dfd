/**
 * Owns: the words for what a fault proxy can do to a connection: settings, cuts, steps of a script, and scripts made up from a seed.
 * Must not know: sockets, clocks, or how a fault is done.
 */
import { Random } from './random.js'

/** `up` is from who dialed to the target, `down` is back. */
export type Direction = 'up' | 'down' | 'both'

/** One of the two, where it cannot be both. */
export type OneDirection = Exclude<Direction, 'both'>

/**
 * How a connection is cut. `reset`: both sockets are reset (RST), and what was under way is lost. `end`: a FIN to both sides.
 * `halfClose`: a FIN in one direction, while the other goes on. What still arrives where a FIN was sent is read and dropped.
 * A program on Node sees a reset as ECONNRESET when it had read all that came before, and otherwise, as a rule, as an end.
 */
export type CutKind = 'reset' | 'end' | 'halfClose'

/** What happens to the bytes of one direction. Their order is kept whatever is set, and nothing but a cut loses any. */
export interface FaultSettings {
  /** How much later than it came a piece is passed on; 0 … . */
  readonly latencyMs: number
  /** A random part of this comes on top of the latency, for each piece anew; 0 … . */
  readonly jitterMs: number
  /**
   * The most that is passed on, on each connection; above 0, Infinity for no limit. It goes on in pieces of 10 ms' worth, and never
   * more than 20 ms' worth ahead.
   */
  readonly bytesPerSecond: number
  /** The largest piece passed on, one in each turn of the event loop, so that a reader who keeps up gets pieces no larger; 1 … Infinity. */
  readonly splitBytes: number
  /** What comes within this of the first is passed on with it, in one write; 0 for none. Latency and jitter come on top. */
  readonly mergeMs: number
  /**
   * Nothing passes and nothing is told: neither bytes nor ends nor resets, and a new connection is accepted but not taken to the target.
   * What comes is kept within the bound of the pipe and passed on when this is over, as TCP does by sending again.
   */
  readonly isBlackHole: boolean
  /**
   * One bit is flipped in about every so many bytes, 0 for none. Where, counted from the byte on which this was set, depends on the
   * seed of the proxy and the number of the connection alone.
   */
  readonly corruptEvery: number
}

/** How a connection is that nothing is done to. */
export const NO_FAULTS: FaultSettings = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  splitBytes: Number.POSITIVE_INFINITY,
  mergeMs: 0,
  isBlackHole: false,
  corruptEvery: 0,
}

/** One command of a script; `atMs` counts from the start of the script. Plain data. */
export type FaultStep = { readonly atMs: number } & FaultCommand

type FaultCommand =
  | { readonly do: 'set'; readonly settings: Partial<FaultSettings>; readonly direction?: Direction }
  | { readonly do: 'heal' }
  | { readonly do: 'cut'; readonly kind: CutKind; readonly direction?: Direction }
  | {
      readonly do: 'cutAfter'
      readonly bytes: number
      readonly direction: Direction
      readonly kind: CutKind
    }
  | { readonly do: 'refuse'; readonly isRefusing: boolean }

/** Every way to hurt a connection, by the name under which it is counted. */
export const FAULT_KINDS = [
  'latencyMs',
  'jitterMs',
  'bytesPerSecond',
  'splitBytes',
  'mergeMs',
  'isBlackHole',
  'corruptEvery',
  'reset',
  'end',
  'halfClose',
  'cutAfter',
  'refuse',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

interface Range {
  readonly min: number
  readonly isWhole: boolean
  readonly canBeEndless: boolean
}

const RANGES: Readonly<Record<Exclude<keyof FaultSettings, 'isBlackHole'>, Range>> = {
  latencyMs: { min: 0, isWhole: false, canBeEndless: false },
  jitterMs: { min: 0, isWhole: false, canBeEndless: false },
  bytesPerSecond: { min: 1, isWhole: false, canBeEndless: true },
  splitBytes: { min: 1, isWhole: true, canBeEndless: true },
  mergeMs: { min: 0, isWhole: false, canBeEndless: false },
  corruptEvery: { min: 0, isWhole: true, canBeEndless: false },
}

/** Throws unless every setting is one, and within its range. */
export function checkSettings(settings: Partial<FaultSettings>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!(name in NO_FAULTS)) throw new Error(`a fault proxy has no setting '${name}'`)
    if (name === 'isBlackHole') {
      if (typeof value !== 'boolean') throw new Error(`isBlackHole is ${String(value)}; it is true or false`)
      continue
    }
    checkNumber(name, value, RANGES[name as keyof typeof RANGES])
  }
}

/** Throws unless a cut can come after so many bytes. */
export function checkCutBytes(bytes: number): void {
  checkNumber('the bytes before a cut', bytes, { min: 0, isWhole: true, canBeEndless: false })
}

function checkNumber(name: string, value: unknown, { min, isWhole, canBeEndless }: Range): void {
  const isFine =
    typeof value === 'number' &&
    value >= min &&
    (Number.isFinite(value) ? !isWhole || Number.isSafeInteger(value) : canBeEndless)
  if (isFine) return
  const kind = isWhole ? 'a whole number' : 'a number'
  throw new Error(
    `${name} is ${String(value)}; it is ${kind} from ${min}${canBeEndless ? ' to Infinity' : ''}`,
  )
}

export interface RandomFaultScriptOptions {
  readonly seed: number
  /** When the last fault is over, at the latest. */
  readonly durationMs: number
  /** How many faults. From `kinds.length` on each kind occurs; what ends a fault comes on top. */
  readonly steps: number
  /** Which kinds; all by default. A session has no checksum: where its answers are compared, leave `corruptEvery` out. */
  readonly kinds?: readonly FaultKind[]
}

/**
 * A script made up from a seed, the same for the same options. Each fault has its own part of the time: most are healed before the next
 * one, always those that let nothing through or damage what passes; the others sometimes stay and add up. With `cutAfter`
 * and `refuse` comes a reset of what is there, so that there are new connections to be cut or refused. The last step heals everything.
 */
export function randomFaultScript(options: RandomFaultScriptOptions): FaultStep[] {
  const { seed, durationMs, steps, kinds = FAULT_KINDS } = options
  checkNumber('durationMs', durationMs, { min: 0, isWhole: false, canBeEndless: false })
  checkNumber('steps', steps, { min: 0, isWhole: true, canBeEndless: false })
  const rng = new Random(seed)
  const order = rng.shuffle(kinds)
  const partMs = durationMs / steps
  const timeIn = (index: number, from: number, to: number): number =>
    Math.floor((index + from + (to - from) * (rng.next() / 2 ** 32)) * partMs)
  const script: FaultStep[] = []
  for (let index = 0; index < steps; index++) {
    const kind = order[index] ?? rng.pick(kinds)
    const atMs = timeIn(index, 0.1, 0.5)
    script.push({ atMs, ...commandOf(kind, rng, partMs) })
    if (kind === 'cutAfter' || kind === 'refuse') script.push({ atMs, do: 'cut', kind: 'reset' })
    const isHealed = BARRING.has(kind) || rng.bool(0.7)
    if (LASTING.has(kind) && isHealed) script.push({ atMs: timeIn(index, 0.6, 0.9), do: 'heal' })
  }
  script.push({ atMs: durationMs, do: 'heal' })
  return script
}

/** Goes on until it is healed. */
const LASTING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'latencyMs',
  'jitterMs',
  'bytesPerSecond',
  'splitBytes',
  'mergeMs',
  'isBlackHole',
  'corruptEvery',
  'refuse',
])

/** Nothing, or nothing right, gets through meanwhile. */
const BARRING: ReadonlySet<FaultKind> = new Set<FaultKind>(['isBlackHole', 'corruptEvery', 'refuse'])

function commandOf(kind: FaultKind, rng: Random, partMs: number): FaultCommand {
  const direction = rng.pick(['up', 'down', 'both'] as const)
  const set = (settings: Partial<FaultSettings>): FaultCommand => ({ do: 'set', settings, direction })
  switch (kind) {
    case 'latencyMs':
      return set({ latencyMs: rng.int(1, Math.max(1, Math.floor(partMs / 4))) })
    case 'jitterMs':
      return set({ jitterMs: rng.int(1, Math.max(1, Math.floor(partMs / 4))) })
    case 'bytesPerSecond':
      return set({ bytesPerSecond: 2 ** rng.int(12, 20) })
    case 'splitBytes':
      return set({ splitBytes: rng.pick([1, 1, 2, 3, 7, 12, 13, 100, 1_460]) })
    case 'mergeMs':
      return set({ mergeMs: rng.int(1, Math.max(1, Math.floor(partMs / 4))) })
    case 'isBlackHole':
      return set({ isBlackHole: true })
    case 'corruptEvery':
      return set({ corruptEvery: 2 ** rng.int(5, 14) })
    case 'cutAfter':
      return {
        do: 'cutAfter',
        bytes: rng.bool() ? rng.int(0, 200) : rng.int(0, 100_000),
        direction,
        kind: rng.pick(['reset', 'end', 'halfClose'] as const),
      }
    case 'refuse':
      return { do: 'refuse', isRefusing: true }
    default:
      return { do: 'cut', kind, direction }
  }
}
