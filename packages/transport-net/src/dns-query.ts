// Owns: one question to the name service, and its answer as URLs.
// Must not know: when it is asked, and who waits.
//
// Addresses come from `lookup`, which asks the system as every other program does: /etc/hosts, search domains and mDNS count. SRV records
// exist in DNS alone, so they come from the name servers.
import { parseEndpoint } from '@peerplex/wire/transport'
import type { NameAddress, NameService, ResolvedDnsOptions } from './dns-options.js'
import { nameFailure } from './target-errors.js'

/** What a name service may make this side hold; a thousand peers behind one name are no mistake yet. */
const MAX_URLS = 1_024

export interface NameQuery {
  /** Rejects with the error of the system. */
  readonly urls: Promise<readonly string[]>
  /** Lets go of it as far as the system can: a `lookup` that runs goes on by itself. */
  cancel(): void
}

/** What is asked for, in words. */
export function askedText({ host, type, family }: ResolvedDnsOptions): string {
  if (type === 'srv') return `SRV records of ${host}`
  return family === 0 ? `addresses of ${host}` : `IPv${family} addresses of ${host}`
}

export function startQuery(options: ResolvedDnsOptions): NameQuery {
  const running = { isCancelled: false, cancel: (): void => {} }
  const cancel = (): void => {
    running.isCancelled = true
    running.cancel()
  }
  const answer = options.type === 'srv' ? askServices(options, running) : askAddresses(options)
  return { urls: answer.then((urls) => limited([...new Set(urls)])), cancel }
}

async function askAddresses(options: ResolvedDnsOptions): Promise<string[]> {
  const { host, port, family, resolver } = options
  const query = { all: true, family } as const
  const found = resolver.lookup
    ? await resolver.lookup(host, query)
    : await (await import('node:dns/promises')).lookup(host, query)
  return checkedList<NameAddress>(found).map(({ address }) => urlOf(options, address, port))
}

async function askServices(
  options: ResolvedDnsOptions,
  running: { isCancelled: boolean; cancel: () => void },
): Promise<string[]> {
  const { host, resolver, timeoutMs } = options
  if (resolver.resolveSrv) return serviceUrls(options, await resolver.resolveSrv(host))
  const { Resolver } = await import('node:dns/promises')
  if (running.isCancelled) throw nameFailure('ECANCELLED', 'cancelled')
  // The second try waits twice as long as the first: together they take what there is.
  const system = new Resolver({ timeout: Math.ceil(timeoutMs / 3), tries: 2 })
  running.cancel = () => system.cancel()
  return serviceUrls(options, await system.resolveSrv(host))
}

/** The lowest priority first; of one priority the largest weight. A target of `.` says that the service is not there (RFC 2782). */
function serviceUrls(options: ResolvedDnsOptions, answer: readonly NameService[]): string[] {
  const records = checkedList<NameService>(answer).filter(({ name }) => name !== '' && name !== '.')
  const lowest = Math.min(...records.map(({ priority }) => priority))
  return records
    .filter(({ priority }) => options.priorities === 'all' || priority === lowest)
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight)
    .map(({ name, port }) => urlOf(options, name.replace(/\.$/, ''), port))
}

function checkedList<T extends object>(answer: readonly T[]): T[] {
  if (Array.isArray(answer) && answer.every((each) => typeof each === 'object' && each !== null)) {
    return limited([...answer])
  }
  throw nameFailure('EBADRESP', 'the answer is no list of records')
}

function limited<T>(list: T[]): T[] {
  if (list.length <= MAX_URLS) return list
  throw nameFailure('EMANY', `${list.length} records, and at most ${MAX_URLS} are allowed`)
}

/** What a name service says is text of strangers: a host, or nothing. */
function urlOf({ scheme, path }: ResolvedDnsOptions, host: unknown, port: unknown): string {
  const isAddress6 = typeof host === 'string' && host.includes(':')
  const isUsable =
    typeof host === 'string' &&
    /^[\w.-]{1,253}$|^[0-9a-f:.]{2,45}(%[\w.~-]{1,40})?$/i.test(host) &&
    Number.isInteger(port) &&
    (port as number) >= 1 &&
    (port as number) <= 65_535
  if (!isUsable) throw nameFailure('EBADRESP', 'the answer has no host and port')
  return parseEndpoint(`${scheme}://${isAddress6 ? `[${host}]` : host}:${String(port)}${path}`).url
}
