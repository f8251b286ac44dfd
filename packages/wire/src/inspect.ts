// Owns: one frame as a plain object, for people and tools: `peerplex decode`, debug output, test vectors (their shape, see
// spec/vectors/README.md).
// Must not know: sessions. Uses the same readers as the dispatcher, so what it shows is what a session sees.
import { checkRefs, countEntries, readGoaway, readOpen } from './bodies.js'
import {
  CODE_BYTES,
  FLAG_FIN,
  FLAG_FINAL,
  FLAG_IDEM,
  FLAG_MORE,
  FLAG_MSG,
  FLAG_NOPROC,
  FLAG_ONEWAY,
  FLAG_TRL,
  FRAME_TYPES,
  OPEN_PREFIX_BYTES,
  REF_ITEM_BYTES,
  TYPE_CREDIT,
  TYPE_DATA,
  TYPE_END,
  TYPE_GOAWAY,
  TYPE_HELLO,
  TYPE_OPEN,
  TYPE_PING,
  TYPE_PONG,
  TYPE_REF,
  TYPE_RESET,
  TYPE_STOP,
} from './constants.js'
import { Headers, readU32 } from './entries.js'
import { frameName } from './frame-decoder.js'
import { headerType } from './header-keys.js'
import { decodeHello } from './hello.js'
import { decodeText, encodeText, NameCache } from './utf8.js'

/** A header value with its type: numbers as numbers, `bin` in hex. */
export interface InspectedValue {
  readonly t: 'text' | 'bin' | 'u8' | 'u32'
  readonly v: string | number
}

/** A frame as data. Which fields there are depends on `type`; payloads and other bytes are in hex. */
export interface InspectedFrame {
  readonly type: string
  readonly [field: string]: unknown
}

const FLAG_NAMES: Readonly<Record<number, readonly (readonly [number, string])[]>> = {
  [TYPE_OPEN]: [
    [FLAG_FIN, 'FIN'],
    [FLAG_MORE, 'MORE'],
    [FLAG_MSG, 'MSG'],
    [FLAG_IDEM, 'IDEM'],
    [FLAG_ONEWAY, 'ONEWAY'],
  ],
  [TYPE_DATA]: [
    [FLAG_FIN, 'FIN'],
    [FLAG_MORE, 'MORE'],
    [FLAG_MSG, 'MSG'],
    [FLAG_TRL, 'TRL'],
  ],
  [TYPE_END]: [[FLAG_NOPROC, 'NOPROC']],
  [TYPE_RESET]: [[FLAG_NOPROC, 'NOPROC']],
  [TYPE_GOAWAY]: [[FLAG_FINAL, 'FINAL']],
}

const MAX_ENTRIES = 64
const names = new NameCache()

/**
 * Describes a frame whose header a `FrameDecoder` has accepted; borrows the body. Throws ProtocolError when the body is
 * malformed. The id on the wire is kept: above 0 is the sender's.
 */
export function inspectFrame(
  type: number,
  flags: number,
  metaBytes: number,
  channel: number,
  body: Uint8Array,
  start: number,
  end: number,
): InspectedFrame {
  if (!Object.values(FRAME_TYPES).includes(type)) return { type: 'IGNORABLE', typeCode: type }
  const flagNames = (FLAG_NAMES[type] ?? []).filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name)
  const head = { type: frameName(type), flags: flagNames, channel }
  const metaEnd = start + metaBytes
  return { ...head, ...inspectBody(type, flags, channel, body, start, metaEnd, end) }
}

function inspectBody(
  type: number,
  flags: number,
  channel: number,
  body: Uint8Array,
  start: number,
  metaEnd: number,
  end: number,
): Record<string, unknown> {
  switch (type) {
    case TYPE_HELLO:
      return inspectHello(body.subarray(start, end))
    case TYPE_OPEN: {
      const { entriesAt, entryCount: _, name, ...open } = readOpen(names, body, start, metaEnd)
      const nameBytes = body.subarray(start + OPEN_PREFIX_BYTES, entriesAt)
      return {
        ...nameOf(name, nameBytes),
        ...open,
        headers: headersOf(body, entriesAt, metaEnd),
        payload: hex(body, metaEnd, end),
      }
    }
    case TYPE_DATA:
      countEntries('DATA', body, start, metaEnd)
      return { headers: headersOf(body, start, metaEnd), payload: hex(body, metaEnd, end) }
    case TYPE_END:
    case TYPE_RESET: {
      countEntries(frameName(type), body, start + CODE_BYTES, metaEnd)
      const fields = { code: readU32(body, start), headers: headersOf(body, start + CODE_BYTES, metaEnd) }
      return type === TYPE_END ? { ...fields, payload: hex(body, metaEnd, end) } : fields
    }
    case TYPE_STOP:
      return { code: readU32(body, start) }
    case TYPE_CREDIT: {
      const countLimit = readU32(body, start + 4)
      return { byteLimit: readU32(body, start), [channel === 0 ? 'openLimit' : 'messageLimit']: countLimit }
    }
    case TYPE_PING:
    case TYPE_PONG:
      return { payload: hex(body, start, end) }
    case TYPE_GOAWAY: {
      const goaway = readGoaway((flags & FLAG_FINAL) !== 0, MAX_ENTRIES, body, start, end)
      const { code, lastId, graceMs, entriesAt } = goaway
      return { code, lastId, graceMs, headers: headersOf(body, entriesAt, end) }
    }
    default:
      return inspectRef(type, body, start, end)
  }
}

/** A name as text, or in hex when it is no valid UTF-8. */
function nameOf(name: string, bytes: Uint8Array): { name: string } | { nameHex: string } {
  const again = encodeText(name)
  const isSame = again.length === bytes.length && again.every((byte, index) => byte === bytes[index])
  return isSame ? { name } : { nameHex: hex(bytes, 0, bytes.length) }
}

function inspectHello(meta: Uint8Array): Record<string, unknown> {
  const hello = decodeHello(meta, MAX_ENTRIES)
  return {
    features: hello.features,
    maxFrame: hello.maxFrameBytes,
    maxMessage: hello.maxMessageBytes,
    rxBytes: hello.channelWindowBytes,
    rxMsgs: hello.channelWindowMessages,
    connBytes: hello.connectionWindowBytes,
    opens: hello.maxOpenChannels,
    maxMeta: hello.maxHeaderBytes,
    partials: hello.maxPartialMessages,
    idleMs: hello.idleTimeoutMs,
    instance: hex(hello.instance, 0, hello.instance.length),
    headers: headersOf(hello.headers.encoded, 0, hello.headers.encoded.length),
  }
}

function inspectRef(type: number, body: Uint8Array, start: number, end: number): Record<string, unknown> {
  if (type !== TYPE_REF) return {}
  checkRefs(body, start, end)
  const releases: { refId: number; count: number }[] = []
  for (let at = start; at < end; at += REF_ITEM_BYTES) {
    releases.push({ refId: readU32(body, at), count: readU32(body, at + 4) })
  }
  return { releases }
}

function headersOf(body: Uint8Array, start: number, end: number): [string, InspectedValue][] {
  return new Headers(body.slice(start, end)).rawEntries().map(([key, value]) => {
    const t = key.startsWith('#') ? 'bin' : headerType(key)
    if (t === 'bin') return [key, { t, v: hex(value, 0, value.length) }]
    if (t === 'u8') return [key, { t, v: value[0] as number }]
    if (t === 'u32') return [key, { t, v: readU32(value, 0) }]
    return [key, { t, v: decodeText(value, 0, value.length) }]
  })
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += (bytes[at] as number).toString(16).padStart(2, '0')
  return text
}
