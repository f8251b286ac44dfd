// What users of this package get.
export type { Clock, TimerHandle } from './clock.js'
export { SYSTEM_CLOCK } from './clock.js'
export type { SessionDriverEvents, SessionDriverOptions } from './session-driver.js'
export { SessionDriver } from './session-driver.js'
