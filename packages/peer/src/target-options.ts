// Owns: options of a peer that may be given anew for one `bind` or `connect`: how they are told from those of the transport, and what holds
// for the connections of that target.
// Must not know: how connections are made, how an option takes effect.
import type { SessionLimits } from '@peerplex/wire'
import { assertKnown, invalidArgument, resolveSessionLimits, showScalar } from '@peerplex/wire/internal'
import type { Authenticate } from './authentication.js'
import type {
  ConnectOptions,
  Credentials,
  ReconnectOptions,
  ResolvedPeerOptions,
  TransportOptions,
} from './options.js'
import { resolveConnectTimeout, resolveHook, resolveReconnect } from './options.js'
import { assertProfile, PEER_LIMIT_ROWS, PROFILE_SESSION_LIMITS } from './peer-limits.js'
import { assertAuth } from './presented.js'
import type { ProfileSettings, Profiles } from './profiles.js'

/** What holds for the connections of one target. */
export interface TargetSettings {
  readonly authenticate: Authenticate | undefined
  readonly credentials: Credentials | undefined
  readonly reconnect: Required<ReconnectOptions> | false
  readonly connectTimeoutMs: number
  readonly profileOf: Profiles
  /** What is left for the transport. */
  readonly transport: TransportOptions
}

type Role = 'bind' | 'connect'

/** No transport has an option of these names; what is not for a role is refused there rather than ignored. */
const NAMES: Readonly<Record<string, readonly Role[]>> = {
  authenticate: ['bind', 'connect'],
  credentials: ['bind', 'connect'],
  profile: ['bind', 'connect'],
  limits: ['bind', 'connect'],
  reconnect: ['connect'],
  connectTimeoutMs: ['connect'],
}

/** Where everything is as the peer has it, profiles are shared; `profilesFor` makes others. */
export class TargetDefaults {
  readonly #options: ResolvedPeerOptions
  readonly #profilesFor: (settings: ProfileSettings) => Profiles
  readonly #profiles: Profiles

  constructor(options: ResolvedPeerOptions, profilesFor: (settings: ProfileSettings) => Profiles) {
    this.#options = options
    this.#profilesFor = profilesFor
    this.#profiles = profilesFor({
      limits: options.sessionLimits,
      isAuthRequired: options.authenticate !== undefined,
    })
  }

  /** Throws UsageError INVALID_ARGUMENT that names the option. */
  resolve(role: Role, given: object): TargetSettings {
    if (typeof given !== 'object' || given === null)
      throw invalidArgument(`the options are ${showScalar(given)}`, 'give an object, see docs/transports.md')
    const own: ConnectOptions = {}
    const transport: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(given)) {
      const roles = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined
      if (roles === undefined) transport[name] = value
      else if (value !== undefined) {
        if (!roles.includes(role)) throw wrong(name, `not one of ${role}`, `give it to ${roles.join(' or ')}`)
        Object.assign(own, { [name]: value })
      }
    }
    return this.#settings(role, own, transport)
  }

  #settings(role: Role, own: ConnectOptions, transport: Record<string, unknown>): TargetSettings {
    const { tls, reconnect, connectTimeoutMs } = this.#options
    const authenticate = resolveHook(own.authenticate ?? this.#options.authenticate)
    // Those of the peer are for whom it chose to call. Whoever dials would get them too.
    const credentials = own.credentials ?? (role === 'connect' ? this.#options.credentials : undefined)
    const isAuthRequired = authenticate !== undefined
    const isShared =
      own.limits === undefined &&
      own.profile === undefined &&
      isAuthRequired === (this.#options.authenticate !== undefined)
    const profileOf = isShared
      ? this.#profiles
      : this.#profilesFor({ limits: this.#sessionLimits(own), isAuthRequired })
    // What is too long, or cannot be any, shows at once, as far as it is here.
    if (typeof credentials !== 'function') profileOf(assertAuth(credentials || undefined))
    return {
      authenticate,
      credentials: credentials || undefined,
      reconnect: own.reconnect === undefined ? reconnect : resolveReconnect(own.reconnect),
      connectTimeoutMs:
        own.connectTimeoutMs === undefined ? connectTimeoutMs : resolveConnectTimeout(own.connectTimeoutMs),
      profileOf,
      transport: tls === undefined ? transport : { tls, ...transport },
    }
  }

  /** A profile starts anew: what the peer says beside its own does not hold for it. */
  #sessionLimits({ profile, limits = {} }: ConnectOptions): SessionLimits {
    if (typeof limits !== 'object' || limits === null)
      throw wrong('limits', showScalar(limits), 'give an object of limits, see docs/limits.md')
    const ofPeer = Object.keys(limits).find((name) => Object.hasOwn(PEER_LIMIT_ROWS, name))
    if (ofPeer !== undefined)
      throw wrong(`limits.${ofPeer}`, 'one of the whole peer', 'give it to createPeer')
    if (profile !== undefined) assertProfile(profile)
    const base = profile === undefined ? this.#options.sessionLimits : PROFILE_SESSION_LIMITS[profile]
    assertKnown('limit', limits, base)
    return resolveSessionLimits({ ...base, ...limits })
  }
}

function wrong(name: string, what: string, hint: string): Error {
  return invalidArgument(`option ${name} is ${what}`, hint)
}
