// Owns: what a peer announces, and with it what its sessions have in common: made once, and anew when it has changed.
// Must not know: connections.
import { type SessionLimits, SessionProfile } from '@peerplex/wire'
import { BlockPool } from '@peerplex/wire/internal'
import type { CodecSet } from './codec-set.js'
import type { ResolvedPeerOptions } from './options.js'

const INSTANCE_BYTES = 16

/** What is announced beside the options. */
export interface ProfileParts {
  readonly codecs: CodecSet
  readonly agent?: string
}

/** What one target may have otherwise than another. */
export interface ProfileSettings {
  readonly limits: SessionLimits
  readonly isAuthRequired: boolean
}

/**
 * Gives the profile of a connection that announces these credentials, or none. Throws LimitError METADATA_TOO_LARGE for credentials that
 * are too long.
 */
export type Profiles = (auth: string | Uint8Array | undefined) => SessionProfile

/** All of them announce one instance: that of the peer. */
export function createProfiles(
  { id, random, serves }: Pick<ResolvedPeerOptions, 'id' | 'random' | 'serves'>,
  { codecs, agent }: ProfileParts,
  blocks: BlockPool = new BlockPool(),
): (settings: ProfileSettings) => Profiles {
  const instance = Uint8Array.from({ length: INSTANCE_BYTES }, () => Math.floor(random() * 256))
  return (settings) => {
    /** The last one without credentials, for what was accepted, and the last one with; and of what each was made. */
    const last: SessionProfile[] = []
    const madeOf: string[] = []
    return (auth) => {
      const announced = codecs.announce()
      const slot = auth === undefined ? 0 : 1
      // Bytes become text here: whoever gave them may have changed them.
      const text = `${announced} ${typeof auth} ${auth}`
      const known = last[slot]
      if (known !== undefined && madeOf[slot] === text) return known
      const hello = { peer: id, codecs: announced, agent, auth, serves: serves?.join(',') }
      const made = new SessionProfile({ ...settings, instance, hello, blocks })
      // What does not fit shows before there is a connection.
      made.greeting('byte')
      madeOf[slot] = text
      last[slot] = made
      return made
    }
  }
}
