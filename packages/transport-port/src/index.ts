// What users of this package get.
export { createMemoryTransport } from './memory-transport.js'
export type { MemoryTransportOptions } from './options.js'
export { portTransport } from './port-transport.js'
