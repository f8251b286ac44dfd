// Owns: how a process lives that the first one has forked: it never outlives the first one.
// Must not know: what it does. The other side of it is forked-process.ts.

/** Runs `work`; resolves with the exit code. Needs the IPC channel of `fork`. */
export async function liveAsChild(work: () => Promise<void>): Promise<number> {
  // Ctrl-C reaches all processes; the first decides, and this one learns of its end by the closed IPC channel.
  process.on('SIGINT', () => {})
  const isAbandoned = new Promise<never>((_resolve, reject) => {
    const abandon = (): void => reject(new Error('the dialer process is gone'))
    process.once('disconnect', abandon)
    // It may have gone while this process was still loading.
    if (!process.connected) abandon()
  })
  try {
    await Promise.race([work(), isAbandoned])
  } catch (error) {
    process.stderr.write(`listener: ${(error as Error).message}\n`)
    return 1
  }
  if (process.connected) process.disconnect()
  return 0
}

/** To the process that has forked this one; it may be gone, and then nobody hears it. */
export function tellParent(message: object): void {
  process.send?.(message, undefined, undefined, () => {})
}
