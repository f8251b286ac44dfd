// Owns: handing bytes to a session as a transport may do it: lent, and written over as soon as the session has returned.
// Must not know: what the bytes are.
import type { Session } from '@peerplex/wire'

/** What is still looked at after `receive` is seen: it turns into this. */
const POISON = 0xdb

/** `session.receive` with a copy of `bytes` that does not outlive the call. */
export function lend(session: Session, bytes: Uint8Array): void {
  const lent = bytes.slice()
  try {
    session.receive(lent)
  } finally {
    lent.fill(POISON)
  }
}
