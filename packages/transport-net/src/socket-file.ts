// Owns: the file of a Unix socket: is it the one we know, does anybody listen on it, and taking it away without ever
// taking somebody else's.
// Must not know: what the socket is for.
import { lstatSync, renameSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { systemCode } from './system-errors.js'

/** What tells one socket file from a later one of the same name. File systems use the number of a deleted file again. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
  readonly modifiedNs: bigint
  readonly isSocket: boolean
}

/** A process that has bound its socket and not called `listen` yet looks as if it were gone. That takes microseconds. */
const YOUNG_MS = 1_000
const SECOND_LOOK_MS = 50

/** Null when there is nothing. A symbolic link is not followed. */
export function identify(path: string): FileIdentity | null {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return null
  return {
    device: stats.dev,
    inode: stats.ino,
    modifiedNs: stats.mtimeNs,
    isSocket: stats.isSocket(),
  }
}

export function isSameFile(a: FileIdentity | null, b: FileIdentity | null): boolean {
  if (a === null || b === null) return false
  return a.device === b.device && a.inode === b.inode && a.modifiedNs === b.modifiedNs
}

/** Whether somebody listens on this socket file, as far as that can be seen: false only when the system is sure. */
export async function hasListener(path: string, file: FileIdentity): Promise<boolean> {
  if (await isAnswered(path)) return true
  if (Date.now() - Number(file.modifiedNs / 1_000_000n) > YOUNG_MS) return false
  await delay(SECOND_LOOK_MS)
  return isAnswered(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket()
    const finish = (isListening: boolean): void => {
      socket.destroy()
      resolve(isListening)
    }
    socket.once('connect', () => finish(true))
    // ENOENT: taken away in the meantime. Anything else (no permission, a full queue) does not mean that nobody is there.
    socket.on('error', (error) => finish(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error))))
    socket.connect({ path })
  })
}

/**
 * Removes the file if it still is `expected`. Between a look and a removal somebody else could put another in its place;
 * so it is first moved aside, and put back if it turns out to be that other one. Throws errors of the file system.
 */
export function removeSocketFile(path: string, expected: FileIdentity): void {
  const aside = moveAside(path)
  if (aside === null) return
  if (isSameFile(identify(aside), expected)) unlinkSync(aside)
  else putBack(aside, path)
}

/** Runs `act` while nothing has this name: for actions that would remove whatever has it. */
export function withNameFree(path: string, act: () => void): void {
  let aside: string | null = null
  try {
    aside = moveAside(path)
  } catch {
    // What may not be moved may not be removed either.
  }
  try {
    act()
  } finally {
    if (aside !== null) putBack(aside, path)
  }
}

function moveAside(path: string): string | null {
  // Among those who do this to one path at one moment it must be unlike, and not secret: node:crypto would take 4 ms to load.
  const aside = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`
  try {
    renameSync(path, aside)
    return aside
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Whoever has taken the name in the meantime keeps it. */
function putBack(aside: string, path: string): void {
  if (identify(path) === null) renameSync(aside, path)
  else unlinkSync(aside)
}
