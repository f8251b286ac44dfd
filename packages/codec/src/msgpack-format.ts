// Owns: the first bytes of MessagePack values, by the names of the MessagePack specification.
// Must not know: how they are written or read.

/** Heads that carry a small number themselves: fixint 00 … 7f and e0 … ff, fixmap 80 … 8f, fixarray 90 … 9f, fixstr a0 … bf. */
export const FIXMAP = 0x80
export const FIXARRAY = 0x90
export const FIXSTR = 0xa0
export const NEGATIVE_FIXINT = 0xe0
export const NIL = 0xc0
// c1 is never used.
export const FALSE = 0xc2
export const TRUE = 0xc3
export const BIN_8 = 0xc4
export const BIN_16 = 0xc5
export const BIN_32 = 0xc6
export const EXT_8 = 0xc7
export const EXT_16 = 0xc8
export const EXT_32 = 0xc9
export const FLOAT_32 = 0xca
export const FLOAT_64 = 0xcb
export const UINT_8 = 0xcc
export const UINT_16 = 0xcd
export const UINT_32 = 0xce
export const UINT_64 = 0xcf
export const INT_8 = 0xd0
export const INT_16 = 0xd1
export const INT_32 = 0xd2
export const INT_64 = 0xd3
/** With 1, 2, 4, 8 or 16 bytes: d4 … d8. */
export const FIXEXT_1 = 0xd4
export const FIXEXT_2 = 0xd5
export const FIXEXT_4 = 0xd6
export const FIXEXT_8 = 0xd7
export const FIXEXT_16 = 0xd8
export const STR_8 = 0xd9
export const STR_16 = 0xda
export const STR_32 = 0xdb
export const ARRAY_16 = 0xdc
export const ARRAY_32 = 0xdd
export const MAP_16 = 0xde
export const MAP_32 = 0xdf

/** Extension type of a point in time, as the specification of MessagePack defines it: the byte of -1. */
export const TIMESTAMP_TYPE = 0xff
/** Extension type of a reference (spec §14): its position in the `refs` of the message as a u32, big-endian. */
export const REFERENCE_TYPE = 0x01
