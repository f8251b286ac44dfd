/**
 * Owns: damage that only makes sense inside a conversation: entries with a meaning put into its frames, and frames that refer to
 * what a session does by itself (its PINGs, its references, its drain).
 * Must not know: sessions at work.
 */
import { concat, readU16, u16, u32 } from '../bytes.js'
import { data, entry, goaway, open, pong, ref, refsValue, reset } from '../frame-builders.js'
import { withRightSize } from '../fuzz.js'
import { HEADER_BYTES, RAW_FLAG, RAW_TYPE } from '../naive-frames.js'
import type { Random } from '../random.js'

const { FINAL, FIN, MSG, ONEWAY } = RAW_FLAG
const STATIC = { refs: 0x8c, codec: 0x8e, encoding: 0x8f, size: 0x90 } as const
const META_AT = 6

/** Entries that make a session do something. */
function meaningfulEntries(rng: Random): Uint8Array {
  switch (rng.int(0, 5)) {
    case 0:
      return entry(STATIC.encoding, 'gzip')
    case 1:
      return entry(STATIC.size, u32(rng.pick([0, 65_536, 65_537, 2 ** 31])))
    case 2: {
      const refs = Array.from({ length: rng.int(1, 9) }, () => ({
        refId: rng.int(1, 12),
        flags: rng.int(0, 1),
      }))
      return entry(STATIC.refs, refsValue(refs))
    }
    case 3:
      return concat(Array.from({ length: rng.pick([63, 64, 65]) }, () => entry('x', '')))
    case 4:
      return entry(STATIC.codec, Uint8Array.of(rng.int(0, 255)))
    default:
      return entry('__proto__', 'x')
  }
}

/** Puts meaningful entries into some OPEN and DATA frames; the others stay as they are. */
export function season(frames: readonly Uint8Array[], rng: Random): Uint8Array[] {
  const out = [...frames]
  for (let count = rng.int(1, 4); count > 0; count--) {
    const at = rng.int(0, out.length - 1)
    const frame = out[at] as Uint8Array
    const type = frame[4]
    if (type === RAW_TYPE.OPEN || type === RAW_TYPE.DATA) out[at] = withEntries(frame, meaningfulEntries(rng))
  }
  return out
}

function withEntries(frame: Uint8Array, entries: Uint8Array): Uint8Array {
  const meta = readU16(frame, META_AT)
  const metaEnd = HEADER_BYTES + meta
  const longer = withRightSize(concat([frame.slice(0, metaEnd), entries, frame.slice(metaEnd)]))
  longer.set(u16(meta + entries.length), META_AT)
  return longer
}

/** Frames that answer or concern what a session has done by itself, if it has. */
export function pointedFrames(rng: Random): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let number = 1; number <= 3; number++) {
    frames.push(pong({ payload: concat([u32(number), u32(0)]) }))
    frames.push(ref({ releases: [{ refId: number, count: rng.int(1, 3) }] }))
    frames.push(goaway({ flags: FINAL, lastId: number, code: rng.pick([0, 0, 64, 73, 99_999]) }))
    frames.push(open({ chan: 400 + number, name: '~ref', entries: [entry(0x8d, u32(number))] }))
    frames.push(reset({ chan: number }), data({ chan: number, flags: FIN }))
  }
  const both = [1, 2].map((refId) => ({ refId, count: 1 }))
  frames.push(ref({ releases: both }), ref({ releases: both }))
  frames.push(goaway({}), goaway({ flags: FINAL }))
  frames.push(open({ chan: 500, flags: MSG, payload: rng.bytes(16_370) }))
  frames.push(open({ chan: 501, flags: FIN + ONEWAY }), new Uint8Array(0))
  return frames
}
