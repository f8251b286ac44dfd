// Everything that needs sockets: loaded with the first of them, see node-transport.ts. For sibling packages; no promise of stability. @internal
export { listenOnServer } from './attach.js'
export { dial } from './dial.js'
export { listenAlone } from './listen.js'
