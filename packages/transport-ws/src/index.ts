// What a user of the package gets on Node.
export { wsTransport } from './node-transport.js'
export type { OriginCheck, WsTransportOptions } from './options.js'
