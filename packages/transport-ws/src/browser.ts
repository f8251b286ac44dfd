// What a user of the package gets in a browser.
export { wsTransport } from './browser-transport.js'
