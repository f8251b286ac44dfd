// Owns: listening on a socket file: claiming the path, access to it, and giving it back.
// Must not know: what is done with the connections.
//
// The claim is the `bind` of the system: it makes the file, and fails if there is one. A file that nobody listens on any
// more is then removed and the claim tried again; of several who do that at once exactly one gets through.
import { chmodSync, existsSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { TransportError } from '@peerplex/wire'
import type { Connection, Endpoint, Listener } from '@peerplex/wire/transport'
import { createAcceptor, startListening, stopListening } from './acceptor.js'
import type { ResolvedNetOptions } from './options.js'
import type { ReadBuffer } from './read-buffer.js'
import {
  type FileIdentity,
  hasListener,
  identify,
  isSameFile,
  removeSocketFile,
  withNameFree,
} from './socket-file.js'
import { resolveSocketPath } from './socket-path.js'
import { listenError, systemCode } from './system-errors.js'

/** Each failed claim means that another process came and went in between. */
const MAX_CLAIMS = 8

export async function listenUnix(
  endpoint: Endpoint,
  options: ResolvedNetOptions,
  buffer: ReadBuffer,
  onConnection: (connection: Connection) => void,
): Promise<Listener> {
  const path = resolveSocketPath(endpoint)
  const url = `unix:${path}`
  const server = createAcceptor(options, buffer, () => url, onConnection)
  await claim(server, path, url, options.backlogCount)
  const file = identify(path)
  const close = (): void => release(server, path, file)
  if (options.socketMode !== undefined) {
    try {
      chmodSync(path, options.socketMode)
    } catch (error) {
      close()
      throw listenError(url, error)
    }
  }
  return { url, close: async () => close() }
}

async function claim(server: Server, path: string, url: string, backlog: number): Promise<void> {
  for (let count = 1; ; count++) {
    try {
      await startListening(server, { path, backlog })
      return
    } catch (error) {
      if (systemCode(error) !== 'EADDRINUSE' || count === MAX_CLAIMS) throw bindError(error, path, url)
      await clearStale(path, url, error)
    }
  }
}

/** The system calls it a lack of permission when the directory does not exist. */
function bindError(error: unknown, path: string, url: string): TransportError {
  const dir = dirname(path)
  if (systemCode(error) !== 'EACCES' || existsSync(dir)) return listenError(url, error)
  return new TransportError('FAILED_PRECONDITION', `listen ${url}: the directory ${dir} does not exist`, {
    hint: 'create the directory first',
    cause: error,
  })
}

/** Removes a socket file that nobody listens on. Throws if the path is not free to take. */
async function clearStale(path: string, url: string, inUse: unknown): Promise<void> {
  const file = identify(path)
  if (file === null) return
  if (!file.isSocket) {
    throw new TransportError('FAILED_PRECONDITION', `listen ${url}: there is a file that is not a socket`, {
      hint: 'choose another path; only socket files that nobody listens on are replaced',
      cause: inUse,
    })
  }
  if (await hasListener(path, file)) throw listenError(url, inUse)
  try {
    removeSocketFile(path, file)
  } catch (error) {
    throw listenError(url, error)
  }
}

/** Closing a server removes whatever has its path. If that is not our file any more, it must stay. */
function release(server: Server, path: string, file: FileIdentity | null): void {
  const found = server.listening ? identify(path) : null
  if (found === null || isSameFile(found, file)) stopListening(server)
  else withNameFree(path, () => stopListening(server))
}
