/**
 * Owns: what cases check with, and wait with, in any realm: there is no test library where they run.
 * Must not know: what is tested.
 */

/** Ends what hangs; nothing here takes that long, but a busy machine may. */
const HANG_MS = 60_000

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Rejects instead of hanging. */
export async function within<T>(promise: Promise<T>, what: string, ms: number = HANG_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Waits until a condition holds that nobody tells of. */
export async function until(isMet: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + HANG_MS
  while (!(await isMet())) {
    if (Date.now() > endMs) throw new Error(`${what} did not happen within ${HANG_MS} ms`)
    await sleep(2)
  }
}

/** A promise that is settled from outside. */
export class Gate<T = void> {
  readonly opened: Promise<T>
  readonly open: (value: T) => void

  constructor() {
    let open: (value: T) => void = () => {}
    this.opened = new Promise((resolve) => {
      open = resolve
    })
    this.open = open
  }
}

/** A name for what one run of a case leaves at the answering side. */
export function newMark(): string {
  return `mark-${Math.random().toString(36).slice(2)}`
}

// ---- iterables ----------------------------------------------------------------------------------

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function* upTo(count: number): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) yield i
}

/** Numbers that never end, and whether somebody has ended them. */
export class Endless implements AsyncIterable<number> {
  given = 0
  isCleanedUp = false

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      for (;;) {
        yield this.given++
        await sleep(1)
      }
    } finally {
      this.isCleanedUp = true
    }
  }
}

// ---- bytes --------------------------------------------------------------------------------------

/** Bytes that look random, the same for the same seed; `count` is a multiple of 4. */
export function pattern(count: number, seed: number): Uint8Array {
  const words = new Uint32Array(count / 4)
  let word = seed | 1
  for (let i = 0; i < words.length; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0
    words[i] = word
  }
  return new Uint8Array(words.buffer)
}

/** FNV-1a, so that a case can tell one byte that is wrong or out of place. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}

// ---- checks -------------------------------------------------------------------------------------

export function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(what)
}

/** Deeply, for data. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!isSame(actual, expected)) throw new Error(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** The named fields are as expected; a RegExp is matched, a list of strings is a choice. */
export function fields(actual: object, expected: Readonly<Record<string, unknown>>, what: string): void {
  for (const [name, value] of Object.entries(expected)) {
    const is = (actual as Record<string, unknown>)[name]
    const isRight = value instanceof RegExp ? typeof is === 'string' && value.test(is) : isSame(is, value)
    if (!isRight) {
      const wanted = value instanceof RegExp ? String(value) : show(value)
      throw new Error(`${what}: ${name} is ${show(is)}, expected ${wanted}; ${showError(actual)}`)
    }
  }
}

/** What a promise rejected with; fails when it resolved. */
export async function rejection(promise: Promise<unknown>, what: string): Promise<Error> {
  const outcome = await within(
    promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    `the failure of ${what}`,
  )
  if ('error' in outcome) return outcome.error as Error
  throw new Error(`${what}: it resolved with ${show(outcome.value)}`)
}

/** It rejects with an error whose fields are as expected. May be awaited later. */
export function fails(
  promise: Promise<unknown>,
  expected: Readonly<Record<string, unknown>>,
  what: string,
): Promise<void> {
  return later(rejection(promise, what).then((error) => fields(error, expected, what)))
}

/** A promise that is awaited later: when the case fails before that, nobody is to hear of this one. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array) || a.length !== b.length) return false
    return a.every((byte, index) => byte === b[index])
  }
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(
    (key) => key in b && isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  )
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  const text = value instanceof Error ? showError(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

function showError(value: object): string {
  if (!(value instanceof Error)) return JSON.stringify(value)?.slice(0, 300) ?? String(value)
  const { code, delivery, origin } = value as unknown as Record<string, unknown>
  return `${value.name} ${code} ${delivery} ${origin}: ${value.message}`
}
