// Owns: waiting with an end.
// Must not know: for what.

/** What a promise resolves with, or `otherwise` after a while. */
export function within<T>(ms: number, promise: Promise<T>, otherwise: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(otherwise), ms)
    promise.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}
