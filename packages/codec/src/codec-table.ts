// Owns: which codecs a peer has, under which numbers and names, and which one two peers have in common (spec §6.3).
// Must not know: which codecs there are, so that a page loads only those that it names; how one encodes; channels and sessions.
import { type Codec, PeerplexError, UsageError } from '@peerplex/wire'

/** Numbers that the protocol gives to names; a test holds them equal to spec/tables/codecs.json. */
export const STANDARD_CODEC_IDS: ReadonlyMap<string, number> = new Map([
  ['raw', 0],
  ['json', 1],
  ['msgpack', 2],
  ['protobuf', 3],
  ['cbor', 4],
  ['text', 5],
])

export const FIRST_PRIVATE_CODEC_ID = 64
export const LAST_PRIVATE_CODEC_ID = 127

/** Longest name of a codec, and what is read of another side's list; a longer list is cut, not refused. */
const MAX_NAME_CHARACTERS = 64
const MAX_LIST_CHARACTERS = 4_096
const MAX_LIST_ITEMS = 64

/** What another side listed: number by name. A number from 64 on means only what that side says it means. */
export type CodecList = ReadonlyMap<string, number>

/** Codecs by number and name. */
export class CodecTable {
  readonly #byName: Map<string, Codec> = new Map()
  readonly #byId: Map<number, Codec> = new Map()
  /** In order of preference. */
  readonly #order: Codec[] = []
  /** What `parse` made last, and of which text. */
  #lastText = ''
  #lastList: CodecList = new Map()

  /**
   * In order of preference, except that the one named `preferred` comes first.
   * Throws UsageError INVALID_ARGUMENT for a codec that `add` would refuse and for a preferred one that is not there.
   */
  constructor(codecs: readonly Codec[], preferred?: string) {
    for (const codec of codecs) this.add(codec)
    if (preferred === undefined) return
    const first = this.#byName.get(preferred)
    if (first === undefined) throw this.#unknown(preferred)
    this.#order.splice(this.#order.indexOf(first), 1)
    this.#order.unshift(first)
  }

  /** Adds a codec behind those that are there. Throws UsageError INVALID_ARGUMENT for a taken or illegal name or number. */
  add(codec: Codec): void {
    const { id, name } = codec
    const standardId = STANDARD_CODEC_IDS.get(name)
    const label = `codec '${name}' with id ${id}`
    if (!isCodecName(name)) {
      throw illegal(
        `${label} has a name that cannot be announced`,
        `use 1 to ${MAX_NAME_CHARACTERS} of a-z 0-9 . _ ~ -`,
      )
    }
    if (standardId === undefined && !isPrivateId(id)) {
      throw illegal(
        `${label} has a number that is not free`,
        `codecs of applications have numbers from ${FIRST_PRIVATE_CODEC_ID} to ${LAST_PRIVATE_CODEC_ID}`,
      )
    }
    if (standardId !== undefined && standardId !== id) {
      throw illegal(
        `${label} has the name of a standard codec`,
        `'${name}' is always ${standardId}; take another name`,
      )
    }
    const taken = this.#byName.get(name) ?? this.#byId.get(id)
    if (taken !== undefined) {
      throw illegal(
        `${label} meets codec '${taken.name}' with id ${taken.id}`,
        'names and numbers are given once',
      )
    }
    this.#byName.set(name, codec)
    this.#byId.set(id, codec)
    this.#order.push(codec)
  }

  /** The codec with this number in our own list. */
  byId(id: number): Codec | undefined {
    return this.#byId.get(id)
  }

  byName(name: string): Codec | undefined {
    return this.#byName.get(name)
  }

  /**
   * The codec of a frame that the other side sent: its number means what their list says. Null: their HELLO is not known
   * yet. A private number that they did not list is no codec.
   */
  byTheirId(id: number, theirs: CodecList | null): Codec | undefined {
    if (!isPrivateId(id)) return this.#byId.get(id)
    for (const [name, theirId] of theirs ?? []) if (theirId === id) return this.#byName.get(name)
    return undefined
  }

  /** All codecs in order of preference. */
  list(): readonly Codec[] {
    return [...this.#order]
  }

  /** The text of HELLO `codecs`: names in order of preference, a private one as name=id. */
  announce(): string {
    return this.#order.map(({ name, id }) => (isPrivateId(id) ? `${name}=${id}` : name)).join(',')
  }

  /** As `parseCodecs`. */
  parse(text: string): CodecList {
    // One after the other they tend to say the same, and what is parsed stays with the connection.
    if (text !== this.#lastText) {
      this.#lastList = parseCodecs(text)
      this.#lastText = text
    }
    return this.#lastList
  }

  /**
   * The codec for a new channel: the one named, or else the first of ours that the other side listed. With null (their
   * HELLO is not known yet) or an empty list (they say nothing) our first, or the named one. Returns, not throws, the
   * error: UsageError INVALID_ARGUMENT for a name that we do not have, PeerplexError UNSUPPORTED_CODEC when they lack it.
   */
  choose(name: string | undefined, theirs: CodecList | null): Codec | PeerplexError {
    if (name !== undefined) {
      const wanted = this.#byName.get(name)
      if (wanted === undefined) return this.#unknown(name)
      return isListed(name, theirs) ? wanted : this.#unsupported(name, theirs)
    }
    for (const codec of this.#order) if (isListed(codec.name, theirs)) return codec
    return this.#unsupported(name, theirs)
  }

  #unknown(name: string): UsageError {
    return illegal(`there is no codec '${name}' here`, `we have ${this.announce()}`)
  }

  #unsupported(name: string | undefined, theirs: CodecList | null): PeerplexError {
    const problem =
      name === undefined ? 'the other side has none of our codecs' : `the other side has no codec '${name}'`
    return new PeerplexError(
      'UNSUPPORTED_CODEC',
      `${problem}: we have ${this.announce()}, they have ${[...(theirs?.keys() ?? [])].join(',')}`,
      { hint: 'name a codec that both sides have, or add one' },
    )
  }
}

/**
 * Reads the text of HELLO `codecs`: number by name, in their order. Never throws: what is not understood is left out, of a
 * name or number that comes again the first counts, and a list that is too long is cut.
 */
export function parseCodecs(text: string): CodecList {
  const found = new Map<string, number>()
  const ids = new Set<number>()
  for (const item of text.slice(0, MAX_LIST_CHARACTERS).split(',', MAX_LIST_ITEMS)) {
    const [name = '', number, ...rest] = item.trim().split('=', 3)
    const id = number === undefined ? STANDARD_CODEC_IDS.get(name) : privateId(name, number)
    if (id === undefined || rest.length > 0 || found.has(name) || ids.has(id)) continue
    found.set(name, id)
    ids.add(id)
  }
  return found
}

function isListed(name: string, theirs: CodecList | null): boolean {
  return theirs === null || theirs.size === 0 || theirs.has(name)
}

function privateId(name: string, number: string): number | undefined {
  const id = Number(number)
  const isLegal = isPrivateId(id) && String(id) === number && isCodecName(name)
  return isLegal && !STANDARD_CODEC_IDS.has(name) ? id : undefined
}

function isPrivateId(id: number): boolean {
  return Number.isInteger(id) && id >= FIRST_PRIVATE_CODEC_ID && id <= LAST_PRIVATE_CODEC_ID
}

function isCodecName(name: string): boolean {
  return typeof name === 'string' && name.length <= MAX_NAME_CHARACTERS && /^[a-z0-9._~-]+$/.test(name)
}

function illegal(message: string, hint: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', message, { hint })
}
