// Owns: what counts as one source of connections.
// Must not know: what is counted.

/** Parts of an IPv6 address that its holder does not choose: whoever has one has as a rule all 2^64 of its network. */
const NETWORK_GROUPS = 4

/**
 * Where a connection comes from, without the port: an IPv4 address, a host, or the /64 network of an IPv6 address. Empty for transports
 * that have no addresses.
 */
export function sourceOf(url: string): string {
  const host = /^\w+:\/\/(\[[^\]]*\]|[^/:]*):\d+/.exec(url)?.[1] ?? ''
  return host.startsWith('[') ? networkOf(host.slice(1, -1)) : host
}

/** Loopback and other short forms stay what they are: only the four groups in front count where all are written. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? 0 : tail.split(':').length
    while (groups.length + rest < 8) groups.push('0')
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16))
  return `[${network.join(':')}::]`
}
