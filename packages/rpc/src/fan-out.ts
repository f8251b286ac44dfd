// Owns: one call that goes to every peer that may have it, and the answers as they come.
// Must not know: how a single call runs, how peers are found.
import type { CallHost } from './call-host.js'
import type { CallOptions } from './call-options.js'
import type { RemotePeer } from './remote-peer.js'

/** What one of them answered: a value, or the error of its call. */
export type Answer<T> =
  | { readonly remote: RemotePeer; readonly value: T; readonly error?: undefined }
  | { readonly remote: RemotePeer; readonly value?: undefined; readonly error: unknown }

/** Each answer when it is there, in the order in which they come. Leaving the loop gives up the calls that still run. */
export async function* fanOut<T>(
  host: CallHost,
  remotes: readonly RemotePeer[],
  name: string,
  input: unknown,
  options: CallOptions,
): AsyncGenerator<Answer<T>, void, undefined> {
  if (remotes.length === 0) {
    // Says why, as a call does that does not wait.
    await host.call(name, input, { ...options, to: () => false, waitForReady: false })
    return
  }
  const abort = new AbortController()
  const { signal } = options
  const onAbort = (): void => abort.abort(signal?.reason)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort)
  const answers: Answer<T>[] = []
  let wake: () => void = () => {}
  const tell = (answer: Answer<T>): void => {
    answers.push(answer)
    wake()
  }
  try {
    for (const remote of remotes) {
      remote.call<T>(name, input, { ...options, signal: abort.signal }).then(
        (value) => tell({ remote, value }),
        (error: unknown) => tell({ remote, error }),
      )
    }
    for (let left = remotes.length; left > 0; left--) {
      if (answers.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      yield answers.shift() as Answer<T>
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    abort.abort()
  }
}
