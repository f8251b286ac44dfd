/**
 * Owns: the naive twin of the library's frame encoder: a plain object in, the bytes of one frame out.
 * Must not know: what is legal (it writes what it is told), `@peerplex/wire`.
 */
import {
  credit,
  data,
  end,
  entry,
  frame,
  goaway,
  hello,
  ignorable,
  open,
  ref,
  reset,
  stop,
} from './frame-builders.js'
import { type NaiveEntry, type NaiveFrameInput, RAW_TYPE } from './naive-frames.js'

/** The bytes of a frame. Lengths follow from the content; `size` and `at` of a decoded frame are ignored. */
export function naiveEncode(input: NaiveFrameInput): Uint8Array {
  const { flags, chan } = input
  switch (input.kind) {
    case 'HELLO': {
      const { kind, entries, type, meta, ...values } = input
      return hello({ ...values, entries: entryBytes(entries) })
    }
    case 'OPEN': {
      const { timeoutMs, rxBytes, rxMsgs, codec, name, payload } = input
      const entries = entryBytes(input.entries)
      return open({ flags, chan, timeoutMs, rxBytes, rxMsgs, codec, name, entries, payload })
    }
    case 'DATA':
      return data({ flags, chan, entries: entryBytes(input.entries), payload: input.payload })
    case 'END':
      return end({
        flags,
        chan,
        code: input.code,
        entries: entryBytes(input.entries),
        payload: input.payload,
      })
    case 'RESET':
      return reset({ flags, chan, code: input.code, entries: entryBytes(input.entries) })
    case 'STOP':
      return stop({ flags, chan, code: input.code })
    case 'CREDIT':
      return credit({ flags, chan, byteLimit: input.byteLimit, countLimit: input.countLimit })
    case 'PING':
    case 'PONG':
      return frame({ type: RAW_TYPE[input.kind], flags, chan, payload: input.payload })
    case 'GOAWAY': {
      const { code, lastId, graceMs } = input
      return goaway({ flags, chan, code, lastId, graceMs, entries: entryBytes(input.entries) })
    }
    case 'REF':
      return ref({ flags, chan, releases: input.releases })
    case 'IGNORABLE':
      return ignorable({ type: input.type ?? 0x80, flags, chan, meta: input.meta ?? 0, payload: input.body })
  }
}

function entryBytes(entries: readonly NaiveEntry[]): Uint8Array[] {
  return entries.map((one) => entry(one.id === 0 ? one.key : one.id, one.value))
}
