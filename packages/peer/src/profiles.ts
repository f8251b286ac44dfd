// Owns: what a peer announces, and with it what its sessions have in common: made once, and anew when it has changed.
// Must not know: connections.
import { SessionProfile } from '@peerplex/wire'
import type { CodecSet } from './codec-set.js'
import type { ResolvedPeerOptions } from './options.js'

const INSTANCE_BYTES = 16

/** What is announced beside the options. */
export interface ProfileParts {
  readonly codecs: CodecSet
  readonly agent?: string
}

interface Made {
  readonly codecs: string
  readonly auth: string | Uint8Array | undefined
  readonly profile: SessionProfile
}

export class Profiles {
  readonly #options: ResolvedPeerOptions
  readonly #parts: ProfileParts
  readonly #instance: Uint8Array
  /** The last one without credentials, for what was accepted, and the last one with. */
  #plain: Made | null = null
  #withAuth: Made | null = null

  constructor(options: ResolvedPeerOptions, parts: ProfileParts) {
    this.#options = options
    this.#parts = parts
    this.#instance = Uint8Array.from({ length: INSTANCE_BYTES }, () => Math.floor(options.random() * 256))
  }

  /** For a connection that announces these credentials, or none. */
  of(auth: string | Uint8Array | undefined): SessionProfile {
    const codecs = this.#parts.codecs.announce()
    const last = auth === undefined ? this.#plain : this.#withAuth
    // Bytes may have been changed by whoever gave them.
    if (last !== null && last.codecs === codecs && last.auth === auth && !(auth instanceof Uint8Array))
      return last.profile
    const made = { codecs, auth, profile: this.#make(codecs, auth) }
    if (auth === undefined) this.#plain = made
    else this.#withAuth = made
    return made.profile
  }

  #make(codecs: string, auth: string | Uint8Array | undefined): SessionProfile {
    const { id, sessionLimits } = this.#options
    const { agent } = this.#parts
    const hello: [string, string | Uint8Array][] = [
      ['peer', id],
      ['codecs', codecs],
    ]
    if (agent !== undefined) hello.push(['agent', agent])
    if (auth !== undefined) hello.push(['auth', auth])
    return new SessionProfile({ instance: this.#instance, hello, limits: sessionLimits })
  }
}
