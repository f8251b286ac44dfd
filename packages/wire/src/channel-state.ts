// Owns: the states of a channel and every legal transition (spec §8). Nothing else assigns a channel's state.
// Must not know: flow control, queues, and the modifiers (stopSent, stopReceived, inMessage, outMessage), which refine
// what a frame means in a state but never which state follows.
//
//             OPEN / open                         OPEN_FIN
//    IDLE ──────────────────────► OPEN        IDLE ────────► HALF_REMOTE
//      │ openFin                 │    │
//      ▼             sendFin ┌───┘    └───┐ FIN
//    HALF_LOCAL ◄────────────┘            └──────────► HALF_REMOTE
//      │                                                   │
//      │ FIN                                       sendFin │     END, RESET, sendEnd, sendReset and lose lead
//      └───────────────────► CLOSED ◄──────────────────────┘     from every state to CLOSED.
//
// IDLE is an id never opened, CLOSED one that was: neither needs an object, ids tell them apart (serial.ts).
import { StateTable, type TransitionRow } from './state-table.js'

export const CHANNEL_STATES: readonly string[] = ['IDLE', 'OPEN', 'HALF_LOCAL', 'HALF_REMOTE', 'CLOSED']

/** A missing row is PROTOCOL_ERROR for a remote event and a UsageError for a local one. */
export const CHANNEL_TRANSITIONS: readonly TransitionRow[] = [
  ['IDLE', 'OPEN', 'OPEN', 8],
  ['IDLE', 'OPEN_FIN', 'HALF_REMOTE', 8],
  ['IDLE', 'OPEN_REFUSED', 'CLOSED', 8],
  ['OPEN', 'DATA', 'OPEN', 8],
  ['HALF_LOCAL', 'DATA', 'HALF_LOCAL', 8],
  ['CLOSED', 'DATA', 'CLOSED', 8],
  ['OPEN', 'FIN', 'HALF_REMOTE', 8],
  ['HALF_LOCAL', 'FIN', 'CLOSED', 8],
  ['CLOSED', 'FIN', 'CLOSED', 8],
  ['OPEN', 'END', 'CLOSED', 8],
  ['HALF_LOCAL', 'END', 'CLOSED', 8],
  ['HALF_REMOTE', 'END', 'CLOSED', 8],
  ['CLOSED', 'END', 'CLOSED', 8],
  ['OPEN', 'RESET', 'CLOSED', 8],
  ['HALF_LOCAL', 'RESET', 'CLOSED', 8],
  ['HALF_REMOTE', 'RESET', 'CLOSED', 8],
  ['CLOSED', 'RESET', 'CLOSED', 8],
  ['OPEN', 'STOP', 'OPEN', 8],
  ['HALF_LOCAL', 'STOP', 'HALF_LOCAL', 8],
  ['HALF_REMOTE', 'STOP', 'HALF_REMOTE', 8],
  ['CLOSED', 'STOP', 'CLOSED', 8],
  ['OPEN', 'CREDIT', 'OPEN', 8],
  ['HALF_LOCAL', 'CREDIT', 'HALF_LOCAL', 8],
  ['HALF_REMOTE', 'CREDIT', 'HALF_REMOTE', 8],
  ['CLOSED', 'CREDIT', 'CLOSED', 8],
  ['IDLE', 'open', 'OPEN', 8],
  ['IDLE', 'openFin', 'HALF_LOCAL', 8],
  ['IDLE', 'openOneway', 'CLOSED', 8],
  ['OPEN', 'send', 'OPEN', 8],
  ['HALF_REMOTE', 'send', 'HALF_REMOTE', 8],
  ['OPEN', 'sendFin', 'HALF_LOCAL', 8],
  ['HALF_REMOTE', 'sendFin', 'CLOSED', 8],
  ['OPEN', 'sendEnd', 'CLOSED', 8],
  ['HALF_LOCAL', 'sendEnd', 'CLOSED', 8],
  ['HALF_REMOTE', 'sendEnd', 'CLOSED', 8],
  ['OPEN', 'sendReset', 'CLOSED', 8],
  ['HALF_LOCAL', 'sendReset', 'CLOSED', 8],
  ['HALF_REMOTE', 'sendReset', 'CLOSED', 8],
  ['OPEN', 'sendStop', 'OPEN', 8],
  ['HALF_LOCAL', 'sendStop', 'HALF_LOCAL', 8],
  ['OPEN', 'sendCredit', 'OPEN', 8],
  ['HALF_LOCAL', 'sendCredit', 'HALF_LOCAL', 8],
  ['HALF_REMOTE', 'settleOneway', 'CLOSED', 8],
  ['OPEN', 'lose', 'CLOSED', 8],
  ['HALF_LOCAL', 'lose', 'CLOSED', 8],
  ['HALF_REMOTE', 'lose', 'CLOSED', 8],
]

export const channelTable: StateTable = new StateTable(CHANNEL_STATES, CHANNEL_TRANSITIONS)

export const STATE_IDLE = 0
const STATE_OPEN = 1
export const STATE_HALF_LOCAL = 2
const STATE_HALF_REMOTE = 3
export const STATE_CLOSED = 4

// Event numbers, looked up once. ON_…: from the remote; DO_…: from the local program.
export const ON_OPEN: number = channelTable.event('OPEN')
export const ON_OPEN_FIN: number = channelTable.event('OPEN_FIN')
export const ON_DATA: number = channelTable.event('DATA')
export const ON_FIN: number = channelTable.event('FIN')
export const ON_END: number = channelTable.event('END')
export const ON_RESET: number = channelTable.event('RESET')
export const DO_OPEN: number = channelTable.event('open')
export const DO_OPEN_FIN: number = channelTable.event('openFin')
export const DO_OPEN_ONEWAY: number = channelTable.event('openOneway')
export const DO_SEND: number = channelTable.event('send')
export const DO_SEND_FIN: number = channelTable.event('sendFin')
export const DO_SEND_END: number = channelTable.event('sendEnd')
export const DO_SEND_RESET: number = channelTable.event('sendReset')
export const DO_SEND_STOP: number = channelTable.event('sendStop')
export const DO_SEND_CREDIT: number = channelTable.event('sendCredit')
export const DO_SETTLE_ONEWAY: number = channelTable.event('settleOneway')
export const DO_LOSE: number = channelTable.event('lose')

/** The directions that are still alive, by state number: may we send, may they. */
export function canSend(state: number): boolean {
  return state === STATE_OPEN || state === STATE_HALF_REMOTE
}

export function canReceive(state: number): boolean {
  return state === STATE_OPEN || state === STATE_HALF_LOCAL
}
