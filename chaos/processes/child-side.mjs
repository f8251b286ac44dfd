// Owns: what every process of a run does with the controller that started it: its set-up, messages both ways, and its end.
// Must not know: what kind of process it is.

/**
 * What the process was started with. `ledger`: the file that it writes.
 * @template {{ name: string, ledger: string }} S
 * @returns {S}
 */
export function readSetup() {
  const text = process.argv[2]
  if (text === undefined || process.send === undefined) {
    process.stderr.write('this program is a part of a run: start it with npm run chaos\n')
    process.exit(2)
  }
  return JSON.parse(text)
}

/** Calls back for each message; the process ends at once when the controller is gone. @param {(message: any) => void} onMessage */
export function listen(onMessage) {
  process.on('message', onMessage)
  process.on('disconnect', endAtOnce)
  // Ctrl-C reaches the whole group; the controller says how that ends.
  process.on('SIGINT', () => {})
}

/** @param {object} message */
export function tell(message) {
  if (process.connected) process.send?.(message)
}

/** Says goodbye: nothing of the controller holds this process any more. If something else does, the controller will notice. */
export function leave() {
  process.off('disconnect', endAtOnce)
  if (process.connected) process.disconnect()
}

function endAtOnce() {
  process.exit(1)
}
