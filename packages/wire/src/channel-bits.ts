// Owns: the modifiers of a channel: facts beside its state, one bit each (spec §8). None of them decides which state
// follows; they refine what may be sent and what an arriving frame means.

/** The program wants no more input, and STOP was sent if there could be more: what still arrives is discarded. */
export const STOP_SENT = 0x0001
/** They sent STOP: nothing is sent any more but FIN, END and RESET. */
export const STOP_RECEIVED = 0x0002
/** An incoming message is incomplete. */
export const IN_MESSAGE = 0x0004
/** An outgoing message is incomplete. */
export const OUT_MESSAGE = 0x0008
/** The program has ended its output; FIN may still wait behind messages. */
export const OUTPUT_ENDED = 0x0010
/** The program has taken the channel (always so for one that we opened). */
export const ACCEPTED = 0x0020
/** The program asked to hold messages back. */
export const PAUSED = 0x0040
/** The handler is done. */
export const SETTLED = 0x0080
/** Output of the other side was handed to the program: a repeat is no longer harmless. */
export const OUTPUT_SEEN = 0x0100
/** We sent at least one frame on a channel that they opened. */
export const ANSWERED = 0x0200
/** DATA or STOP arrived: a later NOPROC would be a lie. */
export const INPUT_SEEN = 0x0400
/** A message-less DATA (early headers) arrived; further ones cost. */
export const HEADERS_SEEN = 0x0800
/** The opener ended it by RESET or END before our first frame: its slot returns with the tick. */
export const SLOT_DELAYED = 0x1000
export const ONEWAY = 0x2000
export const IDEMPOTENT = 0x4000
/** A CREDIT for it is owed. */
export const CREDIT_OWED = 0x8000
/** Their FIN was read, its end not yet handed to the program. */
export const END_QUEUED = 0x1_0000
/** The program got its last call. */
export const FINISHED = 0x2_0000
/** `send` returned false and the program waits for room. */
export const WANTS_ROOM = 0x4_0000
/** It counts in the sender's number of incomplete messages. */
export const PARTIAL_SLOT = 0x8_0000
/** An accepted channel has a slot, given back once. */
export const HAS_SLOT = 0x10_0000
/** Entered in the deadline heap or a send list; see `sender.ts`. */
export const LISTED = 0x20_0000
/** NOPROC is not claimed any more, although nobody has accepted it. */
export const MAY_BE_SEEN = 0x80_0000
/** STOP is to follow our OPEN. */
export const STOP_WANTED = 0x100_0000
/** OPEN carried a message or the beginning of one. */
export const STARTS_WITH_MESSAGE = 0x200_0000
/** Its OPEN is still being taken in: an orderly end is told after the message that came with it. */
export const ARRIVING = 0x40_0000
