// Owns: how much this process grows while something runs.
// Must not know: what runs.

/** Often enough: what a process has grown by it keeps for longer than that. */
const SAMPLE_EVERY_MS = 50

export interface MemoryReport {
  readonly beforeBytes: number
  readonly peakBytes: number
}

export class MemoryWatch {
  #beforeBytes = 0
  #peakBytes = 0
  #timer: NodeJS.Timeout | undefined

  start(): void {
    this.#beforeBytes = process.memoryUsage.rss()
    this.#peakBytes = this.#beforeBytes
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  report(): MemoryReport {
    this.#sample()
    return { beforeBytes: this.#beforeBytes, peakBytes: this.#peakBytes }
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, process.memoryUsage.rss())
  }
}
