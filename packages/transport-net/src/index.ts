// What users of this package get.
export { netTransport } from './net-transport.js'
export type { NetTransportOptions } from './options.js'
