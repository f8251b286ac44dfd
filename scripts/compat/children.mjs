// Owns the processes of a run: lines of JSON in and out, an end for those that say nothing for too long, and for all of them when the run ends.
// It must not know what the lines mean.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const MAX_STDERR_CHARS = 4000
const MAX_STDERR_LINES = 6
/** For a process to end whose input has ended. */
const END_MS = 10_000

/**
 * @typedef {{ code: number | null, signal: string | null, isHung: boolean, stderr: string }} End isHung: it was ended because it was silent
 * @typedef {{ command: string, args: readonly string[], env: Readonly<Record<string, string>> }} Program
 */

/** @type {Set<Child>} */
const running = new Set()

/** Ends every process that still runs. */
export function endAllChildren() {
  for (const child of running) child.kill()
}

/** One process that talks in lines of JSON. */
export class Child {
  /** Resolves when the process has ended and all its lines were given out. */
  ended
  #process
  #silenceMs
  #isHung = false
  #stderr = ''
  /** @type {NodeJS.Timeout | undefined} */
  #timer

  /**
   * @param {Program} program
   * @param {{ cwd: string, silenceMs: number, onLine: (line: any) => void }} options silenceMs: how long it may print nothing
   */
  constructor({ command, args, env }, { cwd, silenceMs, onLine }) {
    this.#silenceMs = silenceMs
    this.#process = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, windowsHide: true })
    running.add(this)
    const { stdin, stdout, stderr } = this.#process
    // A process that ended reads no more; its end is told by other means.
    stdin.on('error', () => {})
    createInterface({ input: stdout }).on('line', (text) => {
      this.#watch()
      const line = parse(text)
      if (line === undefined) this.#complain(`${text}\n`)
      else onLine(line)
    })
    stderr.on('data', (text) => this.#complain(String(text)))
    this.ended = this.#end()
    this.#watch()
  }

  /** @param {unknown} line */
  send(line) {
    this.#process.stdin.write(`${JSON.stringify(line)}\n`)
  }

  /** It reads the end of its input. */
  closeInput() {
    this.#process.stdin.end()
    this.allowSilence(END_MS)
  }

  /** @param {number} silenceMs from now on */
  allowSilence(silenceMs) {
    this.#silenceMs = silenceMs
    this.#watch()
  }

  kill() {
    this.#process.kill('SIGKILL')
  }

  /** @returns {Promise<End>} */
  #end() {
    return new Promise((resolve) => {
      /**
       * @param {number | null} code
       * @param {string | null} signal
       */
      const finish = (code, signal) => {
        clearTimeout(this.#timer)
        running.delete(this)
        const lines = this.#stderr.trim().split('\n')
        resolve({ code, signal, isHung: this.#isHung, stderr: lines.slice(0, MAX_STDERR_LINES).join(' | ') })
      }
      this.#process.on('error', (error) => {
        this.#complain(error.message)
        finish(null, null)
      })
      this.#process.on('close', finish)
    })
  }

  /** @param {string} text */
  #complain(text) {
    if (this.#stderr.length < MAX_STDERR_CHARS) this.#stderr += text
  }

  #watch() {
    clearTimeout(this.#timer)
    if (this.#silenceMs === Number.POSITIVE_INFINITY || !running.has(this)) return
    this.#timer = setTimeout(() => {
      this.#isHung = true
      this.kill()
    }, this.#silenceMs)
  }
}

/**
 * @param {string} text
 * @returns {unknown} undefined when it is no JSON: somebody's log
 */
function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
