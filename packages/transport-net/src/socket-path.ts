// Owns: the path of a socket file: resolved, and short enough for the system.
// Must not know: what is there.
import { resolve } from 'node:path'
import { UsageError } from '@peerplex/wire'
import type { Endpoint } from '@peerplex/wire/transport'

/** `sun_path` of the system without its last byte, which is zero. Node cuts off silently what is longer. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/** The absolute path. Throws UsageError INVALID_ARGUMENT for one that the system cannot take. */
export function resolveSocketPath({ path, url }: Endpoint): string {
  if (path.includes('\0')) {
    throw new UsageError('INVALID_ARGUMENT', `the endpoint '${url}' has a zero byte in its path`, {
      hint: 'write the path of a file',
    })
  }
  const absolute = resolve(path)
  const byteCount = Buffer.byteLength(absolute)
  if (byteCount > MAX_PATH_BYTES) {
    throw new UsageError(
      'INVALID_ARGUMENT',
      `the endpoint '${url}' has a path of ${byteCount} bytes: ${absolute}`,
      { hint: `the path of a socket file has at most ${MAX_PATH_BYTES} bytes, directories included` },
    )
  }
  return absolute
}
