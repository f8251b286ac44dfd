// What users of this package get.
export type { DnsTargetsOptions, NameAddress, NameResolver, NameService } from './dns-options.js'
export { dnsTargets } from './dns-targets.js'
export { type FileTargetsOptions, fileTargets } from './file-targets.js'
export { netTransport } from './net-transport.js'
export type { NetTransportOptions } from './options.js'
export type { TargetClock } from './target-clock.js'
