// Owns: what the demonstration claims: the comparisons that decide its exit code, and the table of what was measured.
// Must not know: how anything was measured.
import type { SideReport } from './side.js'
import { countText, megabytesText, rateText, secondsText, tableText } from './texts.js'
import type { TransferReport } from './transfer.js'

/** A transfer over a bare socket makes a process grow by about 40 MB: received chunks that wait for the garbage collector. */
const MOST_GROWTH_BYTES = 64e6

export interface Check {
  readonly isOk: boolean
  readonly text: string
}

/** All comparisons; `ending` is how the listener process ended, empty for well. */
export function checksOf(dialer: SideReport, listener: SideReport, ending: string): Check[] {
  return [
    transferCheck('file, dialer → listener', dialer.fileSent, listener.fileReceived),
    transferCheck('file, listener → dialer', listener.fileSent, dialer.fileReceived),
    transferCheck('paused stream, dialer → listener', dialer.pausedSent, listener.pausedReceived),
    transferCheck('paused stream, listener → dialer', listener.pausedSent, dialer.pausedReceived),
    pauseCheck('listener', listener),
    pauseCheck('dialer', dialer),
    callsCheck('dialer', dialer),
    callsCheck('listener', listener),
    memoryCheck('dialer', dialer),
    memoryCheck('listener', listener),
    { isOk: ending === '', text: ending === '' ? 'both processes ended by themselves' : ending },
  ]
}

/** The table and the checks, as they are printed. */
export function reportText(dialer: SideReport, listener: SideReport, checks: readonly Check[]): string {
  const table = tableText([
    ['', 'messages', 'bytes', 'time', 'rate', 'frames', 'credits'],
    ...directionRows('dialer → listener', dialer, listener),
    ...directionRows('listener → dialer', listener, dialer),
  ])
  return `${table}\n\n${checkLines(checks)}`
}

/** A line for each. */
export function checkLines(checks: readonly Check[]): string {
  return checks.map(({ isOk, text }) => `${isOk ? 'ok    ' : 'FAILED'}  ${text}\n`).join('')
}

function directionRows(title: string, from: SideReport, to: SideReport): string[][] {
  const { calls, stats } = from
  const callRate = `${countText(Math.round(calls.rightCount / (calls.elapsedMs / 1000)))} calls/s`
  return [
    [title],
    transferRow('  file', from.fileSent),
    transferRow('  paused stream', from.pausedSent),
    [
      '  calls',
      countText(calls.rightCount),
      countText(calls.byteCount),
      secondsText(calls.elapsedMs),
      callRate,
    ],
    [
      '  whole connection',
      countText(stats.messagesSent),
      // Read where they arrived: the sender's figure was taken before its own last frames left.
      countText(Math.max(stats.bytesSent, to.stats.bytesReceived)),
      secondsText(from.elapsedMs),
      rateText(stats.bytesSent, from.elapsedMs),
      countText(stats.framesSent),
      countText(stats.creditsReceived),
    ],
  ]
}

function transferRow(title: string, { messageCount, byteCount, elapsedMs }: TransferReport): string[] {
  return [
    title,
    countText(messageCount),
    countText(byteCount),
    secondsText(elapsedMs),
    rateText(byteCount, elapsedMs),
  ]
}

function transferCheck(title: string, sent: TransferReport, received: TransferReport): Check {
  const digests = new Set([sent.digest, sent.otherDigest, received.digest, received.otherDigest])
  const isOk =
    digests.size === 1 && sent.byteCount === received.byteCount && sent.messageCount === received.messageCount
  return isOk
    ? { isOk, text: `${title}: SHA-256 ${sent.digest.slice(0, 16)}… computed on both sides` }
    : { isOk, text: `${title}: ${transferText(sent)} became ${transferText(received)}` }
}

function transferText({ messageCount, byteCount, digest }: TransferReport): string {
  return `${countText(byteCount)} bytes in ${countText(messageCount)} messages with SHA-256 ${digest.slice(0, 16)}…`
}

function pauseCheck(reader: string, { pause }: SideReport): Check {
  const { pausedMs, aheadBytes, allowedBytes, otherBytes } = pause
  return {
    isOk: aheadBytes <= allowedBytes,
    text:
      `${reader} stopped reading for ${secondsText(pausedMs)}: the writer got ${countText(aheadBytes)} bytes ahead, ` +
      `window and one message are ${countText(allowedBytes)}; ${megabytesText(otherBytes)} of the file arrived meanwhile`,
  }
}

function callsCheck(caller: string, { calls }: SideReport): Check {
  const isOk = calls.rightCount === calls.expectedCount
  const problem = calls.problem === '' ? '' : `; first problem: ${calls.problem}`
  return {
    isOk,
    text: `calls of the ${caller}: ${countText(calls.rightCount)} of ${countText(calls.expectedCount)} answered as expected${problem}`,
  }
}

function memoryCheck(title: string, { memory }: SideReport): Check {
  const growthBytes = memory.peakBytes - memory.beforeBytes
  return {
    isOk: growthBytes <= MOST_GROWTH_BYTES,
    text:
      `memory of the ${title}: grew by ${megabytesText(growthBytes)} from ${megabytesText(memory.beforeBytes)}, ` +
      `at most ${megabytesText(MOST_GROWTH_BYTES)} allowed`,
  }
}
