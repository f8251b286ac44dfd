// Owns: what the error codes of the system, of TLS and of the HTTP parser mean for whoever dials or listens.
// Must not know: sockets; it turns one error object into another.
import { type ErrorName, TransportError } from '@peerplex/wire'

/** What an error of `node:net`, `node:tls`, `node:dns` or `node:http` carries. */
interface SystemError {
  readonly code?: unknown
  readonly address?: unknown
  readonly message?: unknown
  /** Of an AggregateError: one per address that the host name has. */
  readonly errors?: readonly SystemError[]
}

interface Row {
  readonly words: string
  readonly hint: string
  /** Stays until somebody does something; others may be gone at the next attempt. */
  readonly isLasting?: true
  /** What a failed `listen` is called; UNAVAILABLE where it is absent. */
  readonly listenCode?: ErrorName
}

const CHECK_CA = 'give the authority or the certificate as tls: { ca }'

const ROWS: Readonly<Record<string, Row>> = {
  CERT_HAS_EXPIRED: {
    words: 'the certificate of the other side has expired',
    hint: 'renew the certificate, or check the clock of this machine',
    isLasting: true,
  },
  CERT_NOT_YET_VALID: {
    words: 'the certificate of the other side is not valid yet',
    hint: 'check the clocks of both machines',
    isLasting: true,
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    words: 'the certificate of the other side is self-signed',
    hint: CHECK_CA,
    isLasting: true,
  },
  EACCES: {
    words: 'permission denied',
    hint: 'ports below 1024 are for privileged users: choose a higher one',
    isLasting: true,
    listenCode: 'PERMISSION_DENIED',
  },
  EADDRINUSE: {
    words: 'address in use',
    hint: 'choose another port, or 0 for a free one; or stop whoever listens there',
    isLasting: true,
    listenCode: 'FAILED_PRECONDITION',
  },
  EADDRNOTAVAIL: {
    words: 'no such address on this machine, or no free port',
    hint: 'choose an address of this machine: 127.0.0.1, 0.0.0.0 for all of IPv4, [::] for all',
    listenCode: 'FAILED_PRECONDITION',
  },
  EAFNOSUPPORT: {
    words: 'this machine does not do this kind of address',
    hint: 'use an address of the other family: IPv4 or IPv6',
    isLasting: true,
    listenCode: 'FAILED_PRECONDITION',
  },
  EAI_AGAIN: {
    words: 'the name service does not answer',
    hint: 'check the network and the name service, or write the address instead of the name',
  },
  ECONNREFUSED: {
    words: 'connection refused',
    hint: 'nothing listens there: check host and port, and that the other side is running',
  },
  ECONNRESET: {
    words: 'connection reset by the other side',
    hint: 'the other side or something on the way dropped the connection: connect again',
  },
  EHOSTUNREACH: { words: 'no route to the host', hint: 'check the host and the network' },
  EMFILE: {
    words: 'this process has too many open files',
    hint: 'raise the limit of open files (ulimit -n) or use fewer connections',
    listenCode: 'RESOURCE_EXHAUSTED',
  },
  ENETUNREACH: { words: 'no route to the network', hint: 'check the host and the network' },
  ENFILE: {
    words: 'this machine has too many open files',
    hint: 'raise the limit of open files of the machine or use fewer connections',
    listenCode: 'RESOURCE_EXHAUSTED',
  },
  ENOTFOUND: { words: 'the host name is not known', hint: 'check the spelling of the host name' },
  EPIPE: { words: 'the other side has closed the connection', hint: 'connect again' },
  EPROTO: {
    words: 'the TLS handshake failed',
    hint: 'check that the other side speaks TLS on this port: a ws: endpoint does not, a wss: endpoint does',
    isLasting: true,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    words: 'the other side does not speak TLS',
    hint: 'use ws: instead of wss:, or check the port',
    isLasting: true,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    words: 'the certificate of the other side is for another name',
    hint: 'connect by a name that is in the certificate, or give the name as tls: { servername }',
    isLasting: true,
  },
  ETIMEDOUT: {
    words: 'no answer in time',
    hint: 'check the host, and that nothing on the way drops packets',
  },
  SELF_SIGNED_CERT_IN_CHAIN: {
    words: 'the certificate of the other side comes from an authority that is not known here',
    hint: CHECK_CA,
    isLasting: true,
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    words: 'the authority of the certificate of the other side is not known here',
    hint: CHECK_CA,
    isLasting: true,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    words: 'the authority of the certificate of the other side is not known here',
    hint: CHECK_CA,
    isLasting: true,
  },
}

const NOT_HTTP: Row = {
  words: 'the answer is not HTTP',
  hint: 'something else listens there: check the port; wss: is for listeners with TLS, ws: for those without',
}

const UNKNOWN_HINT = 'see the cause of this error; check the host, the port and what listens there'

/** Why a connection to `url` could not be made. */
export function connectError(url: string, cause: unknown): TransportError {
  const { words, row } = describe(cause)
  return new TransportError('UNAVAILABLE', `connect ${url}: ${words}${triedText(url, cause)}`, {
    hint: row?.hint ?? UNKNOWN_HINT,
    retryable: row?.isLasting !== true,
    cause,
  })
}

/** Why nobody can listen at `url`. */
export function listenError(url: string, cause: unknown): TransportError {
  const { words, row } = describe(cause)
  return new TransportError(row?.listenCode ?? 'UNAVAILABLE', `listen ${url}: ${words}`, {
    hint: row?.hint ?? UNKNOWN_HINT,
    retryable: row?.isLasting !== true && row?.listenCode !== 'FAILED_PRECONDITION',
    cause,
  })
}

/** Why a connection that existed is gone. */
export function brokenError(url: string, cause: unknown): TransportError {
  const { words, row } = describe(cause)
  return new TransportError('UNAVAILABLE', `${url}: ${words}`, {
    hint: row?.hint ?? 'connect again',
    retryable: true,
    cause,
  })
}

/** The code of an error of the system; empty for any other. */
export function systemCode(error: unknown): string {
  const { code } = (error ?? {}) as SystemError
  return typeof code === 'string' ? code : ''
}

function describe(error: unknown): { words: string; row: Row | undefined } {
  const code = systemCode(error)
  const row = ROWS[code] ?? (code.startsWith('HPE_') ? NOT_HTTP : undefined)
  if (row !== undefined) return { words: `${row.words} (${code})`, row }
  const text = String((error as SystemError | null)?.message ?? error)
  return { words: code === '' || text.includes(code) ? text : `${text} (${code})`, row }
}

/** The addresses that a host name stood for. */
function triedText(url: string, error: unknown): string {
  const single = error as SystemError
  const addresses = (single.errors ?? [single]).map((each) => each.address)
  const unsaid = addresses.filter((address) => typeof address === 'string' && !url.includes(address))
  return unsaid.length === 0 ? '' : ` at ${unsaid.join(' and ')}`
}
