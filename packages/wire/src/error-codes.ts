// Owns: the numbers of the codes that this library itself raises or tests for (spec §12).
// Must not know: names and meanings; errors.ts has the table of all codes.
// Plain numbers: a minifier writes them where they are used, and a comparison needs no lookup.

export const CODE_OK = 0
export const CODE_CANCELLED = 1
export const CODE_UNKNOWN = 2
export const CODE_INVALID_ARGUMENT = 3
export const CODE_DEADLINE_EXCEEDED = 4
export const CODE_RESOURCE_EXHAUSTED = 8
export const CODE_ABORTED = 10
export const CODE_UNIMPLEMENTED = 12
export const CODE_UNAVAILABLE = 14
export const CODE_REFUSED = 32
export const CODE_UNSUPPORTED_CODEC = 33
export const CODE_MESSAGE_TOO_LARGE = 34
export const CODE_METADATA_TOO_LARGE = 35
export const CODE_REF_GONE = 37
/** The first code that ends a connection; those below end a channel. */
export const CODE_PROTOCOL_ERROR = 64
export const CODE_HELLO_TIMEOUT = 69
export const CODE_IDLE_TIMEOUT = 70
export const CODE_INTERNAL_ERROR = 74
