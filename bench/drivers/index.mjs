// Owns: which driver measures which kind of workload, and what drivers are given.
// Must not know: how they do it.

import { both, echo, sequential } from './echo.mjs'
import { channels, idle, pending } from './memory.mjs'
import { paused, stream } from './stream.mjs'

/**
 * @typedef {{ warmupMs: number, measureMs: number }} Timing
 * @typedef {object} Job
 * @property {import('../interface.mjs').Client} client
 * @property {import('../interface.mjs').Setup} setup
 * @property {Timing} timing
 * @property {(what: string) => Promise<any>} ask the server's process; `own …` this one
 * @typedef {Record<string, number>} Result figures of one run, by name: units are in the names, `rate` is per second
 */

/** @type {Readonly<Partial<Record<import('../interface.mjs').Kind, (job: Job) => Promise<Result>>>>} */
export const drivers = { echo, sequential, both, stream, paused, idle, channels, pending }
