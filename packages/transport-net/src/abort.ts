// Owns: waiting for something no longer than whoever asked for it wants to.
// Must not know: what is waited for; it goes on by itself.
import { TransportError } from '@peerplex/wire'
import type { AbortSignalLike } from '@peerplex/wire/transport'

/** What `promise` brings, or TransportError CANCELLED once `signal`, which is not yet, is aborted. `what` is what was tried, in words. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignalLike, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(givenUp(what, signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The reason of the signal is the cause. */
export function givenUp(what: string, signal: AbortSignalLike): TransportError {
  return new TransportError('CANCELLED', `${what}: given up`, { cause: signal.reason })
}
