// Owns: the options of the socket transport, their defaults and bounds.
// Must not know: what they do.
import { UsageError } from '@peerplex/wire'

/** For `netTransport`; those of a listener may also be given for one `listen`, as `options.transport`. */
export interface NetTransportOptions {
  /** `write` asks to wait once so many bytes are held back in this process. Default 65,536. */
  readonly highWaterMarkBytes?: number
  /**
   * Size of the buffer into which all sockets of the transport read: one, whatever their number. Larger reads cost fewer calls of the
   * system and no memory of their own. 0: each socket makes a buffer of 64 KiB for each read, as Node does by itself. Default 262,144.
   */
  readonly readBufferBytes?: number
  /** How many connections the system holds for a listener that has not taken them yet; its own limit applies too. Default 511. */
  readonly backlogCount?: number
  /** Permission bits of the file of a `unix:` listener, for instance `0o600`. Default: what the umask leaves. */
  readonly socketMode?: number
  /** Dialing: the address of this machine that connections come from, for machines with several. Default: the system chooses. */
  readonly localAddress?: string
}

export interface ResolvedNetOptions {
  readonly highWaterMarkBytes: number
  readonly readBufferBytes: number
  readonly backlogCount: number
  /** Undefined: left as it is. */
  readonly socketMode: number | undefined
  readonly localAddress: string | undefined
}

interface OptionRow {
  readonly name: Exclude<keyof NetTransportOptions, 'localAddress'>
  readonly min: number
  readonly max: number
  readonly defaultValue: number | undefined
}

const ROWS: readonly OptionRow[] = [
  // One batch of a session: what fits is not worth waiting for, and larger marks made bulk transfer slower.
  { name: 'highWaterMarkBytes', min: 1, max: 2 ** 30, defaultValue: 65_536 },
  // 64 KiB messages: 1.5 times the throughput of reads of 64 KiB, and nothing more beyond this.
  { name: 'readBufferBytes', min: 0, max: 2 ** 26, defaultValue: 262_144 },
  // Node's own default; Linux caps it at net.core.somaxconn.
  { name: 'backlogCount', min: 1, max: 65_535, defaultValue: 511 },
  { name: 'socketMode', min: 0, max: 0o777, defaultValue: undefined },
]

/** The options of the transport, overridden by those of one call. Throws UsageError INVALID_ARGUMENT for one out of range. */
export function resolveNetOptions(
  options: NetTransportOptions,
  perCall: Readonly<Record<string, unknown>> = {},
): ResolvedNetOptions {
  const resolved: Partial<Record<OptionRow['name'], number | undefined>> = {}
  for (const { name, min, max, defaultValue } of ROWS) {
    const value = perCall[name] ?? options[name] ?? defaultValue
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new UsageError('INVALID_ARGUMENT', `netTransport: ${name} is ${String(value)}`, {
        hint: `an integer from ${min} to ${max}`,
      })
    }
    resolved[name] = value
  }
  const localAddress = perCall.localAddress ?? options.localAddress
  // Not `isIP` of node:net, which would have to be loaded for it; the socket looks closer.
  if (
    localAddress !== undefined &&
    (typeof localAddress !== 'string' || !/^[0-9a-f.:]+(%\w+)?$/i.test(localAddress))
  ) {
    throw new UsageError('INVALID_ARGUMENT', `netTransport: localAddress is ${String(localAddress)}`, {
      hint: 'an IPv4 or IPv6 address of this machine, without port and brackets',
    })
  }
  return { ...resolved, localAddress } as ResolvedNetOptions
}
