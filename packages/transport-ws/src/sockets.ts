// Everything that needs sockets: loaded with the first of them, see node-transport.ts.
export { listenOnServer } from './attach.js'
export { dial } from './dial.js'
export { listenAlone } from './listen.js'
