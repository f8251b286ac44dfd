// Owns: the states of a session and of the two drains, ours and theirs (spec §3, §12, §16). Nothing else assigns them.
// Must not know: frames' layout, channels, timers.
//
//   AWAIT_PREFACE ──PREFACE──► AWAIT_HELLO ──HELLO──► READY ──► CLOSED      fail, close and INPUT_END lead to CLOSED
//        (byte connections only)                                             from every state
//
//   each drain:  NONE ──notice──► NOTICED ──fence or FINAL──► FINAL
import { StateTable, type TransitionRow } from './state-table.js'

export const SESSION_STATES: readonly string[] = ['AWAIT_PREFACE', 'AWAIT_HELLO', 'READY', 'CLOSED']

export const SESSION_TRANSITIONS: readonly TransitionRow[] = [
  ['AWAIT_PREFACE', 'startByte', 'AWAIT_PREFACE', 3],
  ['AWAIT_PREFACE', 'startMessage', 'AWAIT_HELLO', 3],
  ['AWAIT_PREFACE', 'PREFACE', 'AWAIT_HELLO', 3],
  ['AWAIT_HELLO', 'HELLO', 'READY', 3],
  ['READY', 'FRAME', 'READY', 3],
  ['READY', 'GOAWAY_ERROR', 'CLOSED', 12],
  ['AWAIT_PREFACE', 'INPUT_END', 'CLOSED', 3],
  ['AWAIT_HELLO', 'INPUT_END', 'CLOSED', 3],
  ['READY', 'INPUT_END', 'CLOSED', 3],
  ['AWAIT_PREFACE', 'fail', 'CLOSED', 12],
  ['AWAIT_HELLO', 'fail', 'CLOSED', 12],
  ['READY', 'fail', 'CLOSED', 12],
  ['AWAIT_PREFACE', 'close', 'CLOSED', 16],
  ['AWAIT_HELLO', 'close', 'CLOSED', 16],
  ['READY', 'close', 'CLOSED', 16],
]

export const DRAIN_STATES: readonly string[] = ['NONE', 'NOTICED', 'FINAL']

/** This side drains: notice and fence PING, then FINAL once the PONG proves that every earlier OPEN has arrived. */
export const LOCAL_DRAIN_TRANSITIONS: readonly TransitionRow[] = [
  ['NONE', 'drain', 'NOTICED', 16],
  ['NOTICED', 'drain', 'NOTICED', 16],
  ['FINAL', 'drain', 'FINAL', 16],
  ['NOTICED', 'FENCE', 'FINAL', 16],
  ['NONE', 'close', 'FINAL', 16],
  ['NOTICED', 'close', 'FINAL', 16],
  ['FINAL', 'close', 'FINAL', 16],
]

/** The other side drains. */
export const REMOTE_DRAIN_TRANSITIONS: readonly TransitionRow[] = [
  ['NONE', 'GOAWAY_NOTICE', 'NOTICED', 16],
  ['NOTICED', 'GOAWAY_NOTICE', 'NOTICED', 16],
  ['FINAL', 'GOAWAY_NOTICE', 'FINAL', 16],
  ['NONE', 'GOAWAY_FINAL', 'FINAL', 16],
  ['NOTICED', 'GOAWAY_FINAL', 'FINAL', 16],
  ['FINAL', 'GOAWAY_FINAL', 'FINAL', 16],
]

export const sessionTable: StateTable = new StateTable(SESSION_STATES, SESSION_TRANSITIONS)
export const localDrainTable: StateTable = new StateTable(DRAIN_STATES, LOCAL_DRAIN_TRANSITIONS)
export const remoteDrainTable: StateTable = new StateTable(DRAIN_STATES, REMOTE_DRAIN_TRANSITIONS)

export const SESSION_AWAIT_PREFACE = 0
export const SESSION_CLOSED = 3

export const DRAIN_NONE = 0
export const DRAIN_FINAL = 2

export const ON_PREFACE: number = sessionTable.event('PREFACE')
export const ON_HELLO: number = sessionTable.event('HELLO')
export const ON_GOAWAY_ERROR: number = sessionTable.event('GOAWAY_ERROR')
export const ON_INPUT_END: number = sessionTable.event('INPUT_END')
export const DO_START_BYTE: number = sessionTable.event('startByte')
export const DO_START_MESSAGE: number = sessionTable.event('startMessage')
export const DO_FAIL: number = sessionTable.event('fail')
export const DO_CLOSE: number = sessionTable.event('close')
