// Owns: which Origin of an upgrade request is accepted (spec §18, WST-012).
// Must not know: sockets, what becomes of the request.

/** What the built-in rule looks at. */
export interface OriginFacts {
  readonly origin: string | undefined
  /** The Host header. */
  readonly host: string | undefined
  /** Where the connection comes from; undefined for one without an address, such as a Unix socket. */
  readonly remoteAddress: string | undefined
  /** Whether it came over TLS. */
  readonly isSecure: boolean
}

/** One origin in its normal text; null for what is none. Case and default ports do not matter. */
export function normalOrigin(text: string): string | null {
  const url = parse(text)
  if (url === null || url.host === '') return null
  // No path, query, fragment or user: an origin has none of them.
  const { pathname, search, hash, username, password } = url
  const isBare = (pathname === '' || pathname === '/') && search + hash + username + password === ''
  return isBare ? `${url.protocol}//${url.host}`.toLowerCase() : null
}

/** Whether a listed origin, or the built-in rule where there is no list, lets this one in. */
export function isOriginAllowed(facts: OriginFacts, allowed: '*' | ReadonlySet<string> | undefined): boolean {
  const { origin } = facts
  // Only browsers say it, and no page can leave it out: whoever does not is a program, which could say anything.
  if (allowed === '*' || origin === undefined) return true
  const normal = origin === 'null' ? 'null' : normalOrigin(origin)
  if (normal === null) return false
  return allowed === undefined ? isSafe(normal, facts) : allowed.has(normal)
}

/**
 * The rule for listeners that name no origins. Any web page can make its browser connect to this machine, so that pages
 * from elsewhere are refused. Of two kinds there is nothing to fear:
 * - a page of this machine: whoever can serve one here could connect without a browser;
 * - a page from the very address it connects to, if that is an IP address: a name may point elsewhere by now.
 */
function isSafe(origin: string, { host, remoteAddress, isSecure }: OriginFacts): boolean {
  const page = parse(origin)
  if (page === null || (page.protocol !== 'http:' && page.protocol !== 'https:')) return false
  if (isLoopbackHost(page.hostname) && isLoopbackAddress(remoteAddress)) return true
  const here = parse(`${isSecure ? 'https' : 'http'}://${host ?? ''}`)
  return (
    here !== null &&
    isIpLiteral(page.hostname) &&
    page.hostname === here.hostname &&
    portOf(page) === portOf(here)
  )
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || isLoopbackAddress(hostname)
}

/** Of an address as the system or a parsed URL writes it. */
function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.replace('[', '').replace(']', '').replace('::ffff:', '')
  return plain === '::1' || (plain.startsWith('127.') && isIpLiteral(plain))
}

/** A parsed URL has IPv6 in brackets, and an IPv4 address always in four numbers. */
function isIpLiteral(hostname: string): boolean {
  if (hostname.startsWith('[')) return true
  // As URL writes every IPv4 address, however it was spelt. Names such as 127.0.0.1e1 are names.
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname)
}

function portOf({ port, protocol }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port
}

function parse(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}
