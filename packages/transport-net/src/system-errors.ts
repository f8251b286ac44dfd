// Owns: what the error codes of the system mean for whoever dials or listens: words, hints, codes of the library.
// Must not know: sockets; it turns one error object into another.
import { type ErrorName, TransportError } from '@peerplex/wire'

/** What an error of `node:net`, `node:dns` or `node:fs` carries. */
interface SystemError {
  readonly code?: unknown
  readonly address?: unknown
  readonly message?: unknown
  /** Of an AggregateError: one per address that the host name has. */
  readonly errors?: readonly SystemError[]
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'address in use',
  EADDRNOTAVAIL: 'no such address on this machine, or no free port',
  EAFNOSUPPORT: 'this machine does not do this kind of address',
  EAGAIN: 'the queue of the listener is full',
  EAI_AGAIN: 'the name service does not answer',
  ECONNABORTED: 'connection aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the other side',
  EHOSTDOWN: 'the host is down',
  EHOSTUNREACH: 'no route to the host',
  EMFILE: 'this process has too many open files',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'no route to the network',
  ENFILE: 'this machine has too many open files',
  ENOBUFS: 'the system has no memory for it',
  ENOENT: 'no such file',
  ENOMEM: 'the system has no memory for it',
  ENOTDIR: 'a part of the path is not a directory',
  ENOTFOUND: 'the host name is not known',
  EPERM: 'not permitted',
  EPIPE: 'the other side has closed the connection',
  EPROTOTYPE: 'the file is a socket of another type',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'no answer in time',
}

/** Looked up by verb, scheme and code; then by verb and code; then by code. */
const HINTS: Readonly<Record<string, string>> = {
  'connect tcp ECONNREFUSED':
    'nothing listens there: check host and port, and that the other side is running',
  'connect unix ECONNREFUSED': 'the file is there and nothing listens on it: start the other side',
  'connect unix ENOENT':
    'start the other side; a relative path starts at the working directory of the process',
  'connect unix EACCES':
    'whoever connects needs write access to the socket file and search access to its directories',
  'connect EADDRNOTAVAIL': 'all local ports are in use, or the address does not exist: check the host',
  'listen tcp EADDRINUSE': 'choose another port, or 0 for a free one; or stop whoever listens there',
  'listen unix EADDRINUSE': 'choose another path, or stop whoever listens there',
  'listen tcp EACCES': 'ports below 1024 are for privileged users: choose a higher one',
  'listen unix EACCES': 'the process needs write access to the directory of the socket file',
  'listen unix EPERM': 'the process needs write access to the directory of the socket file',
  'listen unix ENOENT': 'create the directory first',
  'listen EADDRNOTAVAIL':
    'choose an address of this machine: 127.0.0.1, 0.0.0.0 for all of IPv4, [::] for all',
  EAFNOSUPPORT: 'use an address of the other family: IPv4 or IPv6',
  EAGAIN: 'the other side accepts too slowly: try again later',
  EAI_AGAIN: 'check the network and the name service, or write the address instead of the name',
  ECONNRESET: 'the other side or something on the way dropped the connection: connect again',
  EHOSTUNREACH: 'check the host and the network',
  EMFILE: 'raise the limit of open files (ulimit -n) or use fewer connections',
  ENETUNREACH: 'check the host and the network',
  ENFILE: 'raise the limit of open files of the machine or use fewer connections',
  ENOTDIR: 'check the path',
  ENOTFOUND: 'check the spelling of the host name',
  EPIPE: 'connect again',
  ETIMEDOUT: 'check the host, and that nothing on the way drops packets',
}

/** Codes that stay until somebody does something. All others may be gone at the next attempt. */
const LASTING: ReadonlySet<string> = new Set([
  'EACCES',
  'EADDRINUSE',
  'EAFNOSUPPORT',
  'ENOTDIR',
  'EPERM',
  'EPROTOTYPE',
  'EROFS',
])

/** What a failed `listen` is called; what is not here is UNAVAILABLE. */
const LISTEN_CODES: Readonly<Record<string, ErrorName>> = {
  EACCES: 'PERMISSION_DENIED',
  EADDRINUSE: 'FAILED_PRECONDITION',
  EADDRNOTAVAIL: 'FAILED_PRECONDITION',
  EAFNOSUPPORT: 'FAILED_PRECONDITION',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ENFILE: 'RESOURCE_EXHAUSTED',
  ENOBUFS: 'RESOURCE_EXHAUSTED',
  ENOENT: 'FAILED_PRECONDITION',
  ENOMEM: 'RESOURCE_EXHAUSTED',
  ENOTDIR: 'FAILED_PRECONDITION',
  EPERM: 'PERMISSION_DENIED',
  EROFS: 'PERMISSION_DENIED',
}

/** Why a connection to `url` could not be made. */
export function connectError(url: string, cause: unknown): TransportError {
  const { code, words } = describe(cause)
  return new TransportError('UNAVAILABLE', `connect ${url}: ${words}${triedText(url, cause)}`, {
    hint: hintFor('connect', url, code),
    retryable: !LASTING.has(code),
    cause,
  })
}

/** Why nobody can listen at `url`. */
export function listenError(url: string, cause: unknown): TransportError {
  const { code, words } = describe(cause)
  return new TransportError(LISTEN_CODES[code] ?? 'UNAVAILABLE', `listen ${url}: ${words}`, {
    hint: hintFor('listen', url, code),
    retryable: !LASTING.has(code) && code !== 'EADDRNOTAVAIL',
    cause,
  })
}

/** Why a connection that existed is gone. */
export function brokenError(url: string, cause: unknown): TransportError {
  const { code, words } = describe(cause)
  return new TransportError('UNAVAILABLE', `${url}: ${words}`, {
    hint: hintFor('use', url, code),
    retryable: true,
    cause,
  })
}

/** The code of an error of the system; empty for any other. */
export function systemCode(error: unknown): string {
  const { code } = (error ?? {}) as SystemError
  return typeof code === 'string' ? code : ''
}

function describe(error: unknown): { code: string; words: string } {
  const code = systemCode(error)
  const known = WORDS[code]
  if (known !== undefined) return { code, words: `${known} (${code})` }
  const text = String((error as SystemError | null)?.message ?? error)
  return { code, words: code === '' || text.includes(code) ? text : `${text} (${code})` }
}

function hintFor(verb: string, url: string, code: string): string | undefined {
  const scheme = url.slice(0, url.indexOf(':'))
  return HINTS[`${verb} ${scheme} ${code}`] ?? HINTS[`${verb} ${code}`] ?? HINTS[code]
}

/** The addresses that a host name stood for. */
function triedText(url: string, error: unknown): string {
  const single = error as SystemError
  const addresses = (single.errors ?? [single]).map((each) => each.address)
  const unsaid = addresses.filter((address) => typeof address === 'string' && !url.includes(address))
  return unsaid.length === 0 ? '' : ` at ${unsaid.join(' and ')}`
}
