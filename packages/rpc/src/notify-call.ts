// Owns: a one-way: from its opening to the promise that tells that the transport has it.
// Must not know: handlers, how connections are chosen.

import type { Outcome } from '@peerplex/wire'
import { CODE_OK } from '@peerplex/wire/internal'
import type { CallHost } from './call-host.js'
import type { CallOptions } from './call-options.js'
import { OutgoingCall } from './outgoing-call.js'

/** Resolves when it was handed to the transport; rejects when it is certain that it will not be. */
export class NotifyCall extends OutgoingCall {
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void

  /** Throws UsageError, LimitError for what can never be sent. */
  constructor(
    host: CallHost,
    name: string,
    input: unknown,
    options: CallOptions,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    super(host, name, input, options, true)
    this.#resolve = resolve
    this.#reject = reject
    this.start()
  }

  /** One that does not fit a frame travels as a call; its answer is nobody's. */
  onMessage(): void {}

  override onClose(outcome: Outcome): void {
    // Once it has left nothing is known of it, and whatever comes back is nobody's business.
    const hasLeft = outcome.code !== 0 && outcome.delivery !== 'not-sent'
    super.onClose(hasLeft ? { ...outcome, code: CODE_OK } : outcome)
  }

  protected completed(): void {
    this.#resolve()
  }

  protected failed(error: unknown): void {
    this.#reject(error)
  }
}
