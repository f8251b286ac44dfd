// Owns: the time of a simulation: what happens next, whatever it is; and the clock that one process of it sees, which stops when the process
// is frozen and is gone when it is killed.
// Must not know: peers, connections, the machine's clock.

/** @typedef {{ atMs: number, sequence: number, run: (() => void) | null }} Timer `run` is null once it was taken back */

/** Everything that is still to happen, in order; what is due at the same time, in the order in which it was asked for. */
export class SimClock {
  #nowMs = 0
  #sequence = 0
  /** A heap; what was taken back stays in it until it is due, or until there is too much of it. @type {Timer[]} */
  #heap = []
  #clearedCount = 0

  /** Bound, so that it can be handed over as a function. */
  now = () => this.#nowMs

  /** @param {number} atMs @param {() => void} run @returns {Timer} */
  setTimer(atMs, run) {
    if (Number.isNaN(atMs)) throw new Error('a timer needs a time')
    const timer = { atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, run }
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
    return timer
  }

  /** @param {unknown} handle */
  clearTimer(handle) {
    const timer = /** @type {Timer | null} */ (handle)
    if (timer === null || timer.run === null) return
    timer.run = null
    this.#clearedCount++
    if (this.#clearedCount > 1_000 && this.#clearedCount * 2 > this.#heap.length) this.#compact()
  }

  /** Timers that wait. */
  get pendingCount() {
    return this.#heap.length - this.#clearedCount
  }

  /** Moves on to what happens next, and does it; false when nothing does until `untilMs`, which is the time then. @param {number} untilMs */
  step(untilMs) {
    for (;;) {
      const timer = this.#heap[0]
      if (timer === undefined || timer.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs)
        return false
      }
      this.#removeFirst()
      const { run } = timer
      if (run === null) {
        this.#clearedCount--
        continue
      }
      // Fired, and not to be counted when somebody takes it back afterwards.
      timer.run = null
      this.#nowMs = timer.atMs
      run()
      return true
    }
  }

  /** @param {number} at */
  #rise(at) {
    const heap = this.#heap
    const timer = /** @type {Timer} */ (heap[at])
    for (let child = at; ; ) {
      const parent = (child - 1) >> 1
      const above = heap[parent]
      if (child === 0 || above === undefined || isBefore(above, timer)) {
        heap[child] = timer
        return
      }
      heap[child] = above
      child = parent
    }
  }

  #removeFirst() {
    const heap = this.#heap
    const last = /** @type {Timer} */ (heap.pop())
    if (heap.length > 0) this.#sink(last)
  }

  /** Puts a timer where the first was. @param {Timer} timer */
  #sink(timer) {
    const heap = this.#heap
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, below)) {
        child++
        below = right
      }
      if (isBefore(timer, below)) break
      heap[parent] = below
      parent = child
    }
    heap[parent] = timer
  }

  #compact() {
    const rest = this.#heap.filter(({ run }) => run !== null)
    this.#clearedCount = 0
    // In order, which is a heap too.
    this.#heap = rest.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }
}

/** @param {Timer} a @param {Timer} b */
function isBefore(a, b) {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

/** One run of one process: what it sees of time. */
export class SimProcess {
  /** It was killed: nothing that it waits for happens any more. */
  isDead = false
  /** It stands still until then. */
  thawMs = 0
  /** @type {Set<Timer>} */
  #timers = new Set()
  /** Those of its peer. @type {Set<unknown>} */
  #peerTimers = new Set()
  #clock

  /** @param {string} name @param {SimClock} clock */
  constructor(name, clock) {
    this.name = name
    this.#clock = clock
    this.now = clock.now
  }

  /** Until it is killed, and not while it stands still. @param {number} atMs @param {() => void} run @returns {Timer} */
  setTimer(atMs, run) {
    /** @type {Timer} */
    const timer = { atMs, sequence: 0, run: null }
    const fire = () => {
      if (this.thawMs > this.now()) {
        inner = this.#clock.setTimer(this.thawMs, fire)
        return
      }
      this.#timers.delete(timer)
      run()
    }
    let inner = this.#clock.setTimer(atMs, fire)
    timer.run = () => this.#clock.clearTimer(inner)
    this.#timers.add(timer)
    return timer
  }

  /** @param {unknown} handle */
  clearTimer(handle) {
    const timer = /** @type {Timer | null} */ (handle)
    if (timer !== null && this.#timers.delete(timer)) timer.run?.()
  }

  /** The clock of its peer, whose timers are counted. @type {import('@peerplex/peer').Clock} */
  peerClock = {
    now: () => this.now(),
    setTimer: (atMs, run) => {
      const timer = this.setTimer(atMs, () => {
        this.#peerTimers.delete(timer)
        run()
      })
      this.#peerTimers.add(timer)
      return timer
    },
    clearTimer: (timer) => {
      this.#peerTimers.delete(timer)
      this.clearTimer(timer)
    },
  }

  /** Timers that its peer holds. */
  get peerTimerCount() {
    return this.#peerTimers.size
  }

  kill() {
    this.isDead = true
    for (const timer of this.#timers) timer.run?.()
    this.#timers.clear()
  }
}
