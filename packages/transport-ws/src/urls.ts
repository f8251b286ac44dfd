// Owns: paths and URLs of listeners, as text.
// Must not know: who listens there.
import type { IncomingMessage } from 'node:http'
import { UsageError } from '@peerplex/wire'

/** Throws UsageError for a path that no request can have. */
export function assertPath(path: string, url: string): void {
  const isWhole = path === '' || (path.startsWith('/') && /^[\x21-\x7e]*$/.test(path) && !/[?#]/.test(path))
  if (isWhole) return
  throw new UsageError(
    'INVALID_ARGUMENT',
    `listen ${url}: the path '${path.slice(0, 200)}' cannot be served`,
    {
      hint: "write a path that starts with '/', percent-encoded, without query and fragment",
    },
  )
}

/** The path of a request as it was sent, without its query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

export function hostUrl(isSecure: boolean, host: string, port: number): string {
  return `${isSecure ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
