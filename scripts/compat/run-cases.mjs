// Owns one run of the program in one runtime: its reports gathered by transport, its partner in another process if it has one, and what
// becomes of a transport on which it hung or crashed. It must not know which runtime this is, or how results are shown.

import { Child } from './children.mjs'

/** Longer than any case may take before the program itself gives up on it. */
const SILENCE_MS = 130_000
/** One transport, from both sides; it takes seconds. */
const COLUMN_MS = 120_000
/** A program with nothing left to do ends at once. */
const END_MS = 10_000

/**
 * @typedef {import('../../packages/peerplex/test/compat/columns.ts').Report} Report
 * @typedef {import('../../packages/peerplex/test/compat/columns.ts').Task} Task
 * @typedef {import('../../packages/peerplex/test/behaviour/place.ts').CaseResult} CaseResult
 * @typedef {{ results: CaseResult[], broken: string[] }} Column broken: what went wrong that is no result of a case
 * @typedef {import('./children.mjs').Program & { file: string }} CaseProgram
 * @typedef {{
 *   caller: CaseProgram,
 *   partner: CaseProgram | null,
 *   task: Omit<Task, 'role' | 'hasPartner' | 'transports'>,
 *   cwd: string,
 *   onHello: (runtime: string) => void,
 *   onColumn: (transport: string, column: Column, seconds: number) => void,
 * }} Order onHello: what the caller's runtime says it is. onColumn: called once for each transport
 */

/**
 * Runs all transports, in as many processes as it takes: one that breaks down costs its transport, not those after it.
 * @param {Order} order
 * @param {readonly string[]} transports
 */
export async function runCases(order, transports) {
  let todo = [...transports]
  while (todo.length > 0) {
    const attempt = new Attempt(order, todo)
    todo = await attempt.run()
  }
}

/** One process, and its partner. */
class Attempt {
  #order
  #transports
  /** @type {Map<string, Column>} */
  #columns = new Map()
  /** @type {Extract<Report, { event: 'begin' }> | null} */
  #current = null
  /** The transport whose results come in. */
  #transport = ''
  #startedMs = performance.now()
  #isDone = false
  /** Why it was ended from here. */
  #reason = ''
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  /** @type {Child | null} */
  #partner = null
  #caller

  /**
   * @param {Order} order
   * @param {readonly string[]} transports
   */
  constructor(order, transports) {
    this.#order = order
    this.#transports = transports
    const { caller, partner } = order
    this.#caller = this.#start(caller, 'call', (report) => this.#onReport(report))
    if (partner !== null) {
      this.#partner = this.#start(partner, 'answer', (report) => {
        if (report.event === 'line') this.#caller.send(report.message)
      })
    }
  }

  /** @returns {Promise<string[]>} the transports that still have to be run */
  async run() {
    const partner = this.#partner
    // Without its partner the caller would only wait.
    partner?.ended.then(() => this.#giveUp('the answering process ended too early'))
    const end = await this.#caller.ended
    clearTimeout(this.#timer)
    const reason = this.#reason || problemOf(end)
    if (reason !== null) this.#blame(reason)
    else if (!this.#isDone) this.#blame('the process ended before it was done')
    this.#isDone = true
    // It serves until its input ends; what happened to it before that is told with the caller's end.
    partner?.closeInput()
    const partnerEnd = await partner?.ended
    const partnerProblem = partnerEnd ? problemOf(partnerEnd, 'the answering process ') : null
    if (partnerProblem !== null) this.#blame(partnerProblem)
    this.#finishColumn()
    return this.#transports.filter((transport) => !this.#columns.has(transport))
  }

  /**
   * @param {CaseProgram} program
   * @param {Task['role']} role
   * @param {(report: Report) => void} onLine
   */
  #start({ command, args, env, file }, role, onLine) {
    /** @type {Task} */
    const task = {
      ...this.#order.task,
      role,
      hasPartner: this.#order.partner !== null,
      transports: this.#transports,
    }
    return new Child(
      { command, args: [...args, file, JSON.stringify(task)], env },
      { cwd: this.#order.cwd, silenceMs: role === 'call' ? SILENCE_MS : Number.POSITIVE_INFINITY, onLine },
    )
  }

  /** @param {Report} report */
  #onReport(report) {
    switch (report.event) {
      case 'hello':
        this.#order.onHello(report.runtime)
        break
      case 'begin':
        this.#current = report
        this.#enter(report.transport)
        break
      case 'result':
        this.#current = null
        this.#columnOf(report.result.transport).results.push(report.result)
        break
      case 'broken':
        this.#columnOf(report.transport).broken.push(`${report.side}: ${report.text}`)
        break
      case 'line':
        this.#partner?.send(report.message)
        break
      case 'done':
        this.#isDone = true
        this.#caller.allowSilence(END_MS)
    }
  }

  /** @param {string} reason */
  #giveUp(reason) {
    if (this.#isDone) return
    this.#reason ||= reason
    this.#caller.kill()
  }

  /** @param {string} problem of the process as a whole */
  #blame(problem) {
    const current = this.#current
    const during = current === null ? '' : ` during ${current.side} '${current.name}'`
    // It may not have come to any transport: then it will come to none in another attempt either.
    const blamed = this.#transport === '' ? this.#transports : [this.#transport]
    for (const transport of blamed) {
      this.#columnOf(transport).broken.push(`${problem}${during}`)
      if (this.#transport === '') this.#report(transport)
    }
  }

  /** @param {string} transport */
  #enter(transport) {
    if (transport === this.#transport) return
    this.#finishColumn()
    this.#transport = transport
    this.#columnOf(transport)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#giveUp(`it took more than ${COLUMN_MS / 1_000} s and was ended`)
    }, COLUMN_MS)
  }

  #finishColumn() {
    if (this.#transport !== '') this.#report(this.#transport)
  }

  /** @param {string} transport */
  #report(transport) {
    const nowMs = performance.now()
    this.#order.onColumn(transport, this.#columnOf(transport), (nowMs - this.#startedMs) / 1000)
    this.#startedMs = nowMs
  }

  /**
   * @param {string} transport
   * @returns {Column}
   */
  #columnOf(transport) {
    const column = this.#columns.get(transport) ?? { results: [], broken: [] }
    this.#columns.set(transport, column)
    return column
  }
}

/**
 * @param {import('./children.mjs').End} end
 * @returns {string | null} null when it ended well
 */
function problemOf({ code, signal, isHung, stderr }, who = 'the process ') {
  if (isHung) return `${who}hung and was ended`
  if (code === 0) return null
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`
  return `${who}ended with ${how}${stderr === '' ? '' : `: ${stderr}`}`
}
