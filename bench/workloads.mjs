// Owns: the list of what is measured. A new workload is one row here, and its name in the rows of entries.mjs that can do it.
// Must not know: how it is measured (drivers/), nor who takes part.

import { SMALL_BYTES } from './interface.mjs'

const KIB = 1_024
const PLAIN = { baseline: 'raw', inFlight: 1, bytes: SMALL_BYTES, awaits: 0 }

/** @type {readonly import('./interface.mjs').Workload[]} */
export const WORKLOADS = [
  {
    ...PLAIN,
    name: 'sequential',
    title: 'One small call after the other',
    kind: 'sequential',
    inQuick: true,
  },
  { ...PLAIN, name: 'c64', title: 'Small calls, 64 in flight', kind: 'echo', inFlight: 64, inQuick: true },
  { ...PLAIN, name: 'c256', title: 'Small calls, 256 in flight', kind: 'echo', inFlight: 256, inQuick: true },
  { ...PLAIN, name: 'c1000', title: 'Small calls, 1,000 in flight', kind: 'echo', inFlight: 1_000 },
  {
    ...PLAIN,
    name: 'both',
    title: 'Both sides call at once, 256 in flight each',
    kind: 'both',
    inFlight: 256,
  },
  {
    ...PLAIN,
    name: 'await1',
    title: '64 in flight, the handler awaits once',
    kind: 'echo',
    inFlight: 64,
    awaits: 1,
  },
  {
    ...PLAIN,
    name: 'await4',
    title: '64 in flight, the handler awaits 4 times',
    kind: 'echo',
    inFlight: 64,
    awaits: 4,
  },
  { ...PLAIN, name: '4k', title: '4 KiB of bytes, 64 in flight', kind: 'echo', inFlight: 64, bytes: 4 * KIB },
  {
    ...PLAIN,
    name: '64k',
    title: '64 KiB of bytes, 64 in flight',
    kind: 'echo',
    inFlight: 64,
    bytes: 64 * KIB,
  },
  { ...PLAIN, name: 'stream', title: 'One stream of small messages', kind: 'stream', inQuick: true },
  { ...PLAIN, name: 'streams64', title: '64 streams of small messages', kind: 'stream', inFlight: 64 },
  { ...PLAIN, name: 'bulk', title: 'One stream of 64 KiB messages', kind: 'stream', bytes: 64 * KIB },
  {
    ...PLAIN,
    name: 'paused',
    title: 'A stream beside one that nobody reads',
    kind: 'paused',
    bytes: 64 * KIB,
  },
  { ...PLAIN, name: 'idle', title: '1,000 idle connections', kind: 'idle', inFlight: 1_000 },
  {
    ...PLAIN,
    name: 'channels',
    title: '10,000 open channels on one connection',
    kind: 'channels',
    inFlight: 10_000,
  },
  {
    ...PLAIN,
    name: 'channels-warm',
    title: '10,000 more open channels, after 10,000 for which code was loaded and compiled',
    kind: 'channels',
    inFlight: 10_000,
    uncounted: 10_000,
  },
  {
    ...PLAIN,
    name: 'pending',
    title: '10,000 pending calls whose handlers await',
    kind: 'pending',
    inFlight: 10_000,
  },
  { ...PLAIN, name: 'import', title: 'Import of the package', kind: 'import', baseline: 'node' },
  {
    ...PLAIN,
    name: 'ws64',
    title: 'Small calls over WebSocket, 64 in flight',
    kind: 'echo',
    inFlight: 64,
    baseline: 'ws',
  },
]

/** What is offered to the consumer that takes nothing, bytes. */
export const PAUSED_OFFER_BYTES = 192 * KIB * KIB
