/**
 * Owns: one line of text for the bytes of a frame, good or bad, for failure messages and timelines.
 * Must not know: `@peerplex/wire`, sessions, or which frame was expected.
 */
import { hex, toText } from './bytes.js'
import { decodeHeader, type NaiveContext, naiveDecode } from './naive-codec.js'
import { HEADER_BYTES, type NaiveEntry, type NaiveFrame, RAW_TYPE } from './naive-frames.js'

const FLAG_NAMES: Readonly<Record<string, readonly string[]>> = {
  OPEN: ['FIN', 'MORE', 'MSG', '08', 'IDEM', 'ONEWAY', '40', '80'],
  DATA: ['FIN', 'MORE', 'MSG', 'TRL', '10', '20', '40', '80'],
  END: ['01', '02', '04', '08', 'NOPROC', '20', '40', '80'],
  RESET: ['01', '02', '04', '08', 'NOPROC', '20', '40', '80'],
  GOAWAY: ['FINAL', '02', '04', '08', '10', '20', '40', '80'],
}
const PLAIN_BITS = ['01', '02', '04', '08', '10', '20', '40', '80'] as const

/** The lengths are taken as they are unless the caller knows the announced limits. */
const LENIENT: NaiveContext = { maxFrame: 2 ** 24 - 1, maxMeta: 65535 }

/**
 * Describes the first frame of the bytes, for example `DATA +1 FIN|MSG size=2 meta=0 payload(2)=6869`.
 * What breaks a rule is described by its header, the reason and the hex of the body.
 */
export function describeFrame(bytes: Uint8Array, context: NaiveContext = LENIENT): string {
  if (bytes.length < HEADER_BYTES) return `cut header (${bytes.length} bytes) ${hexOf(bytes)}`
  const header = decodeHeader(bytes)
  const isHello = header.type === RAW_TYPE.HELLO
  const whole = bytes.slice(0, HEADER_BYTES + header.size)
  const result = naiveDecode(whole, { ...context, helloSeen: context.helloSeen ?? !isHello })
  const head = `${typeName(header.type)} ${chanText(header.chan)}${flagsText(header.type, header.flags)} size=${header.size} meta=${header.meta}`
  const first = result.frames[0]
  if (result.error !== undefined)
    return `${head} [${result.error}: ${result.reason}] body=${hexOf(whole.slice(HEADER_BYTES))}`
  if (first === undefined) return `${head} [cut: ${whole.length - HEADER_BYTES} of ${header.size} body bytes]`
  const fields = fieldsText(first)
  return fields === '' ? head : `${head} ${fields}`
}

/** One line per frame; what cannot be cut into frames is one line at the end. */
export function describeFrames(bytes: Uint8Array, context: NaiveContext = LENIENT): string[] {
  const lines: string[] = []
  let at = 0
  while (at < bytes.length) {
    const rest = bytes.slice(at)
    lines.push(describeFrame(rest, context))
    if (rest.length < HEADER_BYTES) break
    at += HEADER_BYTES + decodeHeader(rest).size
  }
  return lines
}

/** HELLO … REF, or the number of a type that has no name. */
export function typeName(type: number): string {
  const found = Object.entries(RAW_TYPE).find(([, value]) => value === type)
  if (found !== undefined) return found[0]
  return type >= 0x80 && type <= 0xbf ? `IGNORABLE(${byteHex(type)})` : `TYPE(${byteHex(type)})`
}

function fieldsText(frame: NaiveFrame): string {
  switch (frame.kind) {
    case 'HELLO':
      return join(
        `features=${frame.features} maxFrame=${frame.maxFrame} maxMessage=${frame.maxMessage} rxBytes=${frame.rxBytes} rxMsgs=${frame.rxMsgs}`,
        `connBytes=${frame.connBytes} opens=${frame.opens} maxMeta=${frame.maxMeta} partials=${frame.partials} idleMs=${frame.idleMs}`,
        `instance=${hex(frame.instance)}`,
        frame.unknownPrefix.length > 0 ? `unknownPrefix=${hexOf(frame.unknownPrefix)}` : '',
        entriesText(frame.entries),
      )
    case 'OPEN':
      return join(
        `name=${JSON.stringify(toText(frame.name))} codec=${frame.codec}`,
        frame.timeoutMs > 0 ? `timeoutMs=${frame.timeoutMs}` : '',
        frame.rxBytes > 0 ? `rxBytes=${frame.rxBytes}` : '',
        frame.rxMsgs > 0 ? `rxMsgs=${frame.rxMsgs}` : '',
        entriesText(frame.entries),
        payloadText(frame.payload),
      )
    case 'DATA':
      return join(entriesText(frame.entries), payloadText(frame.payload))
    case 'END':
      return join(`code=${frame.code}`, entriesText(frame.entries), payloadText(frame.payload))
    case 'RESET':
      return join(`code=${frame.code}`, entriesText(frame.entries))
    case 'STOP':
      return `code=${frame.code}`
    case 'CREDIT':
      return `bytes<=${frame.byteLimit} ${frame.chan === 0 ? 'opens' : 'msgs'}<=${frame.countLimit}`
    case 'PING':
    case 'PONG':
      return hex(frame.payload)
    case 'GOAWAY':
      return join(
        `code=${frame.code} lastId=${frame.lastId} graceMs=${frame.graceMs}`,
        entriesText(frame.entries),
      )
    case 'REF':
      return frame.releases.map((one) => `${one.refId}x${one.count}`).join(',')
    case 'IGNORABLE':
      return `body=${hexOf(frame.body)}`
  }
}

function entriesText(entries: readonly NaiveEntry[]): string {
  if (entries.length === 0) return ''
  const texts = entries.map((one) => `${one.key === '' ? byteHex(one.id) : one.key}=${valueText(one)}`)
  return `{${texts.slice(0, 8).join(', ')}${texts.length > 8 ? `, … ${texts.length} in all` : ''}}`
}

function valueText({ value }: NaiveEntry): string {
  const isPlain = value.length > 0 && value.every((byte) => byte >= 0x20 && byte < 0x7f)
  return isPlain && value.length <= 40 ? JSON.stringify(toText(value)) : `(${value.length})${hexOf(value)}`
}

function payloadText(payload: Uint8Array): string {
  return payload.length === 0 ? '' : `payload(${payload.length})=${hexOf(payload)}`
}

function hexOf(bytes: Uint8Array): string {
  return bytes.length <= 32 ? hex(bytes) : `${hex(bytes.slice(0, 32))}…`
}

function chanText(chan: number): string {
  return chan > 0 ? `+${chan}` : `${chan}`
}

function flagsText(type: number, flags: number): string {
  const names = FLAG_NAMES[typeName(type)] ?? PLAIN_BITS
  const set = names.filter((_, bit) => Math.floor(flags / 2 ** bit) % 2 === 1)
  return set.length === 0 ? '' : ` ${set.join('|')}`
}

function byteHex(value: number): string {
  return hex(Uint8Array.of(value))
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ')
}
