// Owns: the words for who takes what a channel receives.
// Must not know: how it is received.
import type { Headers } from '@peerplex/wire'

/** Who takes what arrives; a channel has one of them for its whole life. */
export type Taker = 'nobody' | 'onMessage' | 'an iterator' | 'toWeb()' | 'join()'

/** What gets each message. Written as a method, so that a channel of bytes is also one of anything. */
export type MessageCallback<T> = { call(message: T, headers: Headers): void }['call']

/** Takes messages by `read`: told when there is one, and when the input is over. */
export interface Reader {
  onInput(): void
}
