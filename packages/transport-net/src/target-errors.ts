// Owns: what the error codes of name services and files mean for whoever asks for targets: words and hints.
// Must not know: how a name is looked up, what a file looks like.
// Nothing is taken from system-errors.ts: what this entry and that of sockets share would be one more file for the first socket to load.
import { TransportError } from '@peerplex/wire'

const FILE_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EMFILE: 'this process has too many open files',
  ENOENT: 'no such file',
  ENOTDIR: 'a part of the path is not a directory',
}

const NAME_WORDS: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the name service does not answer',
  EAI_FAIL: 'the name server failed',
  EBADNAME: 'this is not a host name',
  EBADRESP: 'the answer cannot be used',
  ECANCELLED: 'given up',
  ECONNREFUSED: 'no name server can be reached',
  EFORMERR: 'the name server could not read the question',
  ENODATA: 'the name exists and has no such record',
  ENOTFOUND: 'there is no such name',
  ENOTIMP: 'the name server does not answer such questions',
  EREFUSED: 'the name server refuses to answer',
  ESERVFAIL: 'the name server failed',
  ETIMEOUT: 'no answer in time',
}

/** `lookup` gives ENOTFOUND for both. */
const NOBODY = 'there is no such name, or it has no such address'

const NAME_HINTS: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'check the network and the name servers of this machine',
  EBADNAME: 'check the spelling of the host name',
  EBADRESP: 'check the records of this name',
  ECONNREFUSED: 'check the network and the name servers of this machine',
  EMANY: 'publish fewer records under one name',
  ENODATA: 'add a record of this kind to the name, or ask for the other type or family',
  ENOTFOUND: 'check the spelling of the host name, and that the service is registered',
  EREFUSED: 'check which names this server answers for',
  ESERVFAIL: 'the trouble is behind the name server: try again later',
  ETIMEOUT: 'check the network and the name servers of this machine, or raise timeoutMs',
}

/** Why a name could not be looked up; `asked` is what for, in words. */
export function nameError(asked: string, cause: unknown): TransportError {
  const code = codeOf(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  const known = isNobody(cause) ? NOBODY : Object.hasOwn(NAME_WORDS, code) ? NAME_WORDS[code] : undefined
  const words = known === undefined ? text : `${known} (${code})`
  return new TransportError('UNAVAILABLE', `look up ${asked}: ${words}`, {
    hint: Object.hasOwn(NAME_HINTS, code)
      ? NAME_HINTS[code]
      : 'check the network and the name servers of this machine',
    retryable: code !== 'EBADNAME',
    cause,
  })
}

/** For what this side finds out by itself, in the form of the name service. */
export function nameFailure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

function isNobody(cause: unknown): boolean {
  return codeOf(cause) === 'ENOTFOUND' && (cause as { syscall?: unknown }).syscall === 'getaddrinfo'
}

/** What a file system answered, in words. */
export function fileWords(cause: unknown): string {
  const code = codeOf(cause)
  if (Object.hasOwn(FILE_WORDS, code)) return `${FILE_WORDS[code]} (${code})`
  return cause instanceof Error ? cause.message : String(cause)
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
