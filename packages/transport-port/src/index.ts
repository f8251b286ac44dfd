// What users of this package get.
export { createMemoryTransport } from './memory-transport.js'
export type { MemoryTransportOptions } from './options.js'
