// Owns: the options of `dnsTargets`, their defaults and bounds.
// Must not know: how a name is looked up.
import { assertKnown, assertWhole, invalidArgument, showScalar } from '@peerplex/wire/internal'
import { assertClock, type TargetClock, UNHELD_CLOCK } from './target-clock.js'

/** One address, as `dns.promises.lookup` with `all` gives it. */
export interface NameAddress {
  readonly address: string
  readonly family: number
}

/** One SRV record, as `resolveSrv` of `node:dns` gives it. */
export interface NameService {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** Who answers instead of the system; a `Resolver` of `dns.promises` is one for `type: 'srv'`. */
export interface NameResolver {
  lookup?(
    host: string,
    options: { readonly all: true; readonly family: 0 | 4 | 6 },
  ): Promise<readonly NameAddress[]>
  resolveSrv?(host: string): Promise<readonly NameService[]>
}

export interface DnsTargetsOptions {
  /** The name to look up: `billing.internal`, or for SRV `_peerplex._tcp.billing.internal`. Without port and scheme. */
  readonly host: string
  /** 1 … 65535, with `type: 'address'` only: SRV records bring their own. */
  readonly port?: number
  /** `tcp`, `tls`, `ws` or `wss`. Default `tcp`. */
  readonly scheme?: 'tcp' | 'tls' | 'ws' | 'wss'
  /** What the URLs end with, for `ws` and `wss` only: `/peer`. Default none. */
  readonly path?: string
  /**
   * `address`: every A and AAAA address of the host, asked of the system, so that /etc/hosts counts. `srv`: host and port of SRV records,
   * asked of the name servers. Default `address`.
   */
  readonly type?: 'address' | 'srv'
  /** With `srv`: records of the lowest priority only, or all, the lowest first. Default `lowest`. */
  readonly priorities?: 'lowest' | 'all'
  /** With `address`: IPv4 or IPv6 only. Default both. */
  readonly family?: 4 | 6
  /** While somebody watches, it is asked again so long after each answer. 1,000 … 86,400,000; default 30,000. */
  readonly refreshMs?: number
  /** So long the name service has for one answer. 100 … 600,000; default 10,000. */
  readonly timeoutMs?: number
  /** Answers instead of the system. What it lacks the system does. */
  readonly resolver?: NameResolver
  /** For tests. Default: the clock of the machine, with timers that do not hold the process. */
  readonly clock?: TargetClock
}

export interface ResolvedDnsOptions {
  readonly host: string
  /** 0 with `srv`. */
  readonly port: number
  readonly scheme: string
  readonly path: string
  readonly type: 'address' | 'srv'
  readonly priorities: 'lowest' | 'all'
  readonly family: 0 | 4 | 6
  readonly refreshMs: number
  readonly timeoutMs: number
  readonly resolver: NameResolver
  readonly clock: TargetClock
}

const NAMES: Readonly<Record<keyof DnsTargetsOptions, true>> = {
  host: true,
  port: true,
  scheme: true,
  path: true,
  type: true,
  priorities: true,
  family: true,
  refreshMs: true,
  timeoutMs: true,
  resolver: true,
  clock: true,
}

/** Fills in defaults. Throws UsageError INVALID_ARGUMENT that names the option and what is allowed there. */
export function resolveDnsOptions(options: DnsTargetsOptions): ResolvedDnsOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(
      `dnsTargets: the options are ${showScalar(options)}`,
      'give an object: { host, port }',
    )
  }
  assertKnown('option', options, NAMES)
  const { host, scheme = 'tcp', path = '', type = 'address', priorities = 'lowest', family = 0 } = options
  const { refreshMs = 30_000, timeoutMs = 10_000, resolver = {}, clock = UNHELD_CLOCK } = options
  assertHost(host)
  assertOneOf('scheme', scheme, ['tcp', 'tls', 'ws', 'wss'])
  assertOneOf('type', type, ['address', 'srv'])
  assertOneOf('priorities', priorities, ['lowest', 'all'])
  assertPath(path, scheme)
  assertOnlyWith(type, options)
  if (type === 'address') assertWhole('dnsTargets: port', options.port, 1, 65_535)
  if (family !== 0) assertOneOf('family', family, [4, 6])
  assertWhole('dnsTargets: refreshMs', refreshMs, 1_000, 86_400_000)
  assertWhole('dnsTargets: timeoutMs', timeoutMs, 100, 600_000)
  assertResolver(resolver)
  assertClock('dnsTargets: clock', clock)
  const port = options.port ?? 0
  return { host, port, scheme, path, type, priorities, family, refreshMs, timeoutMs, resolver, clock }
}

function assertHost(host: unknown): void {
  const isName = typeof host === 'string' && /^[^\s:/\\[\]@?#%]{1,253}$/.test(host)
  const isAddress6 = typeof host === 'string' && /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*(%[\w.~-]+)?$/i.test(host)
  if (isName || isAddress6) return
  const shown = typeof host === 'string' ? `'${host.slice(0, 80)}'` : showScalar(host)
  throw invalidArgument(
    `dnsTargets: host is ${shown}`,
    "give a host name or an address alone, such as 'billing.internal': port and scheme have options of their own",
  )
}

function assertOneOf(name: string, value: unknown, allowed: readonly (string | number)[]): void {
  if (allowed.includes(value as string | number)) return
  const shown = typeof value === 'string' ? `'${value.slice(0, 80)}'` : showScalar(value)
  throw invalidArgument(`dnsTargets: ${name} is ${shown}`, `${name} is one of ${allowed.join(', ')}`)
}

function assertPath(path: unknown, scheme: string): void {
  if (path === '') return
  if (typeof path !== 'string' || !/^\/[^\s?#]*$/.test(path)) {
    throw invalidArgument(
      `dnsTargets: path is ${typeof path === 'string' ? `'${path.slice(0, 80)}'` : showScalar(path)}`,
      "give a path that begins with '/', without '?' and '#'",
    )
  }
  if (scheme === 'ws' || scheme === 'wss') return
  throw invalidArgument(`dnsTargets: path with scheme ${scheme}`, 'only ws and wss have a path')
}

function assertOnlyWith(type: 'address' | 'srv', options: DnsTargetsOptions): void {
  const foreign = type === 'srv' ? (['port', 'family'] as const) : (['priorities'] as const)
  const name = foreign.find((each) => options[each] !== undefined)
  if (name === undefined) return
  throw invalidArgument(
    `dnsTargets: ${name} with type '${type}'`,
    name === 'port'
      ? 'leave it out: SRV records bring their ports'
      : `leave it out: it is for type '${type === 'srv' ? 'address' : 'srv'}'`,
  )
}

function assertResolver(resolver: NameResolver): void {
  const hint = 'give an object with the methods lookup, resolveSrv or both'
  if (typeof resolver !== 'object' || resolver === null) {
    throw invalidArgument(`dnsTargets: resolver is ${showScalar(resolver)}`, hint)
  }
  for (const name of ['lookup', 'resolveSrv'] as const) {
    const method = resolver[name]
    if (method === undefined || typeof method === 'function') continue
    throw invalidArgument(`dnsTargets: resolver.${name} is ${showScalar(method)}`, hint)
  }
}
