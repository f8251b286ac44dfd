// Owns: the words that every part of the bench shares: what is measured, who takes part, and what a peer has to offer.
// Must not know: any peer.

/**
 * @typedef {'echo' | 'sequential' | 'both' | 'stream' | 'paused' | 'idle' | 'channels' | 'pending' | 'import'} Kind
 *
 * @typedef {object} Workload
 * @property {string} name as in --only
 * @property {string} title what the reader sees
 * @property {Kind} kind
 * @property {string} baseline name of the entry that all others are divided by
 * @property {number} inFlight calls at once, each side that calls; streams at once; connections; channels
 * @property {number} bytes size of a message; 32 stands for the small message, which is { id, msg } where objects are sent
 * @property {number} awaits how often the handler awaits before it answers
 * @property {number} [uncounted] so many channels come first, where the usual few are not what is meant
 * @property {boolean} [inQuick] also runs with --quick
 *
 * @typedef {Readonly<Record<string, string | number | boolean>>} EntryOptions
 *
 * @typedef {object} Entry one row of a table: a peer, set up in one way
 * @property {string} name as in --only
 * @property {string} file in bench/peers, without `.mjs`
 * @property {EntryOptions} options
 * @property {string} payload what it carries as a small message
 * @property {readonly string[]} packages that must be installed for it
 * @property {readonly string[]} [imports] what a program imports, where that is not `packages`
 * @property {string} [program] that must be on PATH for it
 * @property {readonly string[]} workloads names of those that make sense for it
 * @property {boolean} [inQuick]
 *
 * @typedef {{ workload: Workload, options: EntryOptions }} Setup what both sides are told
 *
 * @typedef {(error: unknown, reply?: unknown) => void} Done called once for each call
 * @typedef {(done: Done) => void} Echo sends the message of the workload; the same comes back
 *
 * @typedef {object} Server
 * @property {unknown} address what the client needs to connect; goes through JSON
 * @property {Echo} [echo] calls the client that is connected, for workloads of kind `both`
 * @property {() => Record<string, number>} [inspect] `unread`, `queued`: bytes that it holds by its own count
 * @property {number} [brokerPid] a process that works for both
 *
 * @typedef {object} Client
 * @property {Echo} [echo]
 * @property {(onMessage: () => void) => void} [stream] starts one more stream of messages from the server, without end
 * @property {() => void} [pausedStream] one more, of PAUSED_OFFER_BYTES, whose consumer takes nothing
 * @property {() => Promise<void>} [another] one more idle connection
 * @property {(count: number) => Promise<void>} [channels] opens so many more; resolves when the server has them all
 * @property {(count: number) => Promise<void>} [pending] makes so many more calls that stay pending; resolves when the server has them all
 * @property {() => Record<string, number>} [inspect] as of the server
 *
 * @typedef {object} PeerModule
 * @property {(setup: Setup) => Promise<Server>} serve
 * @property {(address: any, setup: Setup) => Promise<Client>} connect
 */

export const SMALL_BYTES = 32

/** About 32 bytes of text; what comes back is compared with it. */
export const SMALL_OBJECT = Object.freeze({ id: 123456, msg: 'hello peer, how are you today?' })

/**
 * @param {number} length
 * @returns {Uint8Array} the same bytes each time
 */
export function bytesOf(length) {
  return Buffer.alloc(length, 'peerplex bench ')
}

/**
 * What a handler does that awaits `count` times before it answers.
 * @param {number} count
 */
export async function awaitTimes(count) {
  for (let n = 0; n < count; n++) await soon()
}

async function soon() {}

/**
 * Whether a reply is what was sent: the bench measures nothing that answers wrongly.
 * @param {unknown} reply
 * @param {number} length bytes of the message
 */
export function isEcho(reply, length) {
  if (reply instanceof Uint8Array || reply instanceof ArrayBuffer) {
    const bytes = new Uint8Array(/** @type {ArrayBuffer} */ (reply))
    return Buffer.compare(bytes, bytesOf(length)) === 0
  }
  const { id, msg } = /** @type {{ id?: unknown, msg?: unknown }} */ (reply ?? {})
  return Number(id) === SMALL_OBJECT.id && msg === SMALL_OBJECT.msg
}
