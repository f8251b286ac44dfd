// Owns: checking what a program asks of `Session.open`, and the flags that follow from it (spec §5, OPEN).
// Must not know: ids, credit, queues.

import type { OpenOptions } from './channel.js'
import { assertWhole, invalidArgument } from './checks.js'
import { FLAG_FIN, FLAG_IDEM, FLAG_MSG, FLAG_ONEWAY, FLOOR_CHANNEL_BYTES, MAX_U31 } from './constants.js'
import { encodeText, NO_BYTES } from './utf8.js'

const MAX_NAME_BYTES = 255
/** Names already checked; a program uses few. Cleared when full. */
const CHECKED_NAMES = 1_024

export class OpenChecker {
  readonly #names = new Set<string>()
  #lastName = ''

  /** Flags of the OPEN. Throws UsageError INVALID_ARGUMENT naming the option and its range. */
  check(name: string, options: OpenOptions): number {
    this.#checkName(name)
    assertWhole('open: codec', options.codec ?? 0, 0, 255)
    assertWhole('open: timeoutMs', options.timeoutMs ?? 0, 0, MAX_U31)
    if (options.windowBytes !== undefined)
      assertWhole('open: windowBytes', options.windowBytes, FLOOR_CHANNEL_BYTES, MAX_U31)
    if (options.windowMessages !== undefined)
      assertWhole('open: windowMessages', options.windowMessages, 1, 0xffff)
    const isOneway = options.isOneway === true
    return (
      (options.message === undefined ? 0 : FLAG_MSG) |
      (isOneway || options.isLast === true ? FLAG_FIN : 0) |
      (isOneway ? FLAG_ONEWAY : 0) |
      (options.isIdempotent === true ? FLAG_IDEM : 0)
    )
  }

  #checkName(name: string): void {
    if (name === this.#lastName && name !== '') return
    if (this.#names.has(name)) {
      this.#lastName = name
      return
    }
    if (!isChannelName(name)) {
      throw invalidArgument(
        `'${String(name).slice(0, 80)}' is not a channel name`,
        `use 1 to ${MAX_NAME_BYTES} bytes of UTF-8 without control characters`,
      )
    }
    if (this.#names.size >= CHECKED_NAMES) this.#names.clear()
    this.#names.add(name)
  }
}

/** Whether an OPEN can carry it. */
export function isChannelName(name: unknown): boolean {
  const bytes = typeof name === 'string' ? encodeText(name) : NO_BYTES
  return bytes.length > 0 && bytes.length <= MAX_NAME_BYTES && bytes.every((byte) => byte >= 0x20)
}
