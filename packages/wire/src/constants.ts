// Owns: every fixed number of the wire format, one page of them, each with its meaning (spec §3, §4, §5).
// Must not know: limits that an endpoint may choose (options.ts), error codes (errors.ts), header keys (header-keys.ts).

// ---- preface (spec §3) ----------------------------------------------------------------------------------------------

/** The eight bytes that open a byte connection: a non-ASCII byte, "PPX", the major version "1", CR LF SUB. */
export const PREFACE: Uint8Array = Uint8Array.of(0x89, 0x50, 0x50, 0x58, 0x31, 0x0d, 0x0a, 0x1a)
export const PREFACE_BYTES = 8
/** Index of the version digit in the preface. A difference before it means "not Peerplex", one at it "another version". */
export const PREFACE_VERSION_AT = 4

// ---- frame header (spec §4) -----------------------------------------------------------------------------------------

/** u32 size, u8 type, u8 flags, u16 meta, i32 chan. */
export const HEADER_BYTES = 12
/** The size field has 24 bits; a set bit above them is an error. */
export const MAX_FRAME_BYTES = 0xff_ffff
/** Entries in one frame. */
export const MAX_HEADER_COUNT = 64
/** Channel ids are 1 … 2^30-1 in either sign, so they stay small integers in every JavaScript engine. */
export const MAX_CHANNEL_ID = 0x3fff_ffff
/** Half the id space: ids up to this far ahead of the last one seen are new, the others are old. */
export const ID_HALF_RANGE = 0x2000_0000

// ---- frame types (spec §5) ------------------------------------------------------------------------------------------

export const TYPE_HELLO = 0x01
export const TYPE_OPEN = 0x02
export const TYPE_DATA = 0x03
export const TYPE_END = 0x04
export const TYPE_RESET = 0x05
export const TYPE_STOP = 0x06
export const TYPE_CREDIT = 0x07
export const TYPE_PING = 0x08
export const TYPE_PONG = 0x09
export const TYPE_GOAWAY = 0x0a
export const TYPE_REF = 0x0b
/** The highest type with a meaning in version 1. */
export const TYPE_LAST_KNOWN = 0x0b
/** Frames of these types are skipped by who does not know them; hop-by-hop. */
export const TYPE_IGNORABLE_FIRST = 0x80
export const TYPE_IGNORABLE_LAST = 0xbf

/** All frame types by name, for tables and tools; hot code uses the numbers above. */
export const FRAME_TYPES: Readonly<Record<string, number>> = /* @__PURE__ */ Object.freeze({
  HELLO: TYPE_HELLO,
  OPEN: TYPE_OPEN,
  DATA: TYPE_DATA,
  END: TYPE_END,
  RESET: TYPE_RESET,
  STOP: TYPE_STOP,
  CREDIT: TYPE_CREDIT,
  PING: TYPE_PING,
  PONG: TYPE_PONG,
  GOAWAY: TYPE_GOAWAY,
  REF: TYPE_REF,
})

// ---- flags (spec §4) ------------------------------------------------------------------------------------------------

/** The sender's direction of the channel ends with this frame. */
export const FLAG_FIN = 0x01
/** The message goes on in the next DATA frame of this channel. */
export const FLAG_MORE = 0x02
/** The frame carries a message or a fragment of one. */
export const FLAG_MSG = 0x04
/** The entries of this frame are trailers. */
export const FLAG_TRL = 0x08
/** OPEN: running it twice does no harm. */
export const FLAG_IDEM = 0x10
/** END and RESET: application code has provably not seen this channel. */
export const FLAG_NOPROC = 0x10
/** OPEN: no answer of any kind is wanted. */
export const FLAG_ONEWAY = 0x20
/** GOAWAY: lastId is binding. */
export const FLAG_FINAL = 0x01

/** Flags allowed per known type, by type number; bits outside are an error. */
export const FLAG_MASKS: readonly number[] = Object.freeze([
  0, // 00 is illegal
  0, // HELLO
  FLAG_FIN | FLAG_MORE | FLAG_MSG | FLAG_IDEM | FLAG_ONEWAY, // OPEN
  FLAG_FIN | FLAG_MORE | FLAG_MSG | FLAG_TRL, // DATA
  FLAG_NOPROC, // END
  FLAG_NOPROC, // RESET
  0, // STOP
  0, // CREDIT
  0, // PING
  0, // PONG
  FLAG_FINAL, // GOAWAY
  0, // REF
])

// ---- fixed parts of bodies (spec §5) --------------------------------------------------------------------------------

export const HELLO_PREFIX_BYTES = 56
export const INSTANCE_BYTES = 16
/** HELLO comes before any limit is known, so its own metadata has a bound of its own. */
export const HELLO_META_BYTES = 16_384
/** u32 timeoutMs, u32 rxBytes, u16 rxMsgs, u8 codec, u8 nameLen. */
export const OPEN_PREFIX_BYTES = 12
/** u32 code. */
export const CODE_BYTES = 4
/** u32 code, u32 lastId, u32 graceMs. */
export const GOAWAY_PREFIX_BYTES = 12
/** CREDIT, PING and PONG carry two u32. */
export const PAIR_BYTES = 8
/** One release in a REF frame, and one reference in a `refs` entry: two u32 each. */
export const REF_ITEM_BYTES = 8

/** Channels that call a reference have this name; drain does not bind them (spec §14, §16). */
export const REF_NAME = '~ref'

// ---- charges (spec §10, §17) ----------------------------------------------------------------------------------------

/** Added to the size of every frame with MSG: what a message costs its receiver besides its bytes. */
export const MESSAGE_CHARGE_BYTES = 32
/** Added to payload and metadata of a message that waits to be read. */
export const QUEUED_MESSAGE_BYTES = 192
/** A fragment below this, unless the last of its message, costs on the economy counter. */
export const TINY_FRAGMENT_BYTES = 512

// ---- before the other side's HELLO is known (spec §3): these are also the least that any HELLO may announce ---------

export const FLOOR_FRAME_BYTES = 16_384
export const FLOOR_MESSAGE_BYTES = 65_536
export const FLOOR_CHANNEL_BYTES = 16_384
export const FLOOR_CHANNEL_MESSAGES = 1
export const FLOOR_CONNECTION_BYTES = 65_536
export const FLOOR_HEADER_BYTES = 4_096
/** Opens allowed before HELLO. HELLO itself may announce fewer, even none. */
export const FLOOR_OPEN_CHANNELS = 16
export const FLOOR_PARTIAL_MESSAGES = 1
export const FLOOR_IDLE_MS = 1_000

/** Limits, credits and times are compared by signed difference, so each stays below this. */
export const MAX_U31 = 0x7fff_ffff
