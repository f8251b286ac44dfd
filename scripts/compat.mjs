// `npm run compat`: owns the order of a compatibility run: which runtimes, each on its own and then with this Node, and the grids at the end.
// How a runtime is had, how cases are run and how results are shown is in `compat/`.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium, NO_CHROMIUM } from './chromium.mjs'
import { makeProject } from './compat/bundle.mjs'
import { cellOf, notApplicable } from './compat/cells.mjs'
import { endAllChildren } from './compat/children.mjs'
import { renderGrids } from './compat/grid.mjs'
import { BadArgument, parseOptions, USAGE } from './compat/options.mjs'
import { runCases } from './compat/run-cases.mjs'
import { allRuntimes, isRunning, NotInstalled, obtainRuntime } from './compat/runtimes.mjs'
import { reasonsAgainst, SHARED_TRANSPORTS, SHORT_TRANSPORTS, TRANSPORTS } from './compat/transports.mjs'
import { root } from './workspace.mjs'

/** For loopback, and its own authority. */
const CERTIFICATES = join(root, 'packages/transport-ws/test/certificates')
/** For the cases with readers that stop. */
const FLOOD_BYTES = 8_000_000
const CHROMIUM = 'chromium'

/** @type {readonly import('../packages/peerplex/test/behaviour/place.ts').Side[]} of the caller */
const SIDES = ['dialing', 'listening']
/** With few transports and one side: the tests of the packages do it all, here the built packages show that they work. */
const SHORT_SIDES = SIDES.slice(0, 1)

/**
 * @typedef {import('./compat/grid.mjs').Cell} Cell
 * @typedef {import('./compat/run-cases.mjs').Column} Column
 * @typedef {import('./compat/runtimes.mjs').Runtime} Runtime
 * @typedef {{ id: string, title: string, program: import('./compat/run-cases.mjs').CaseProgram }} Ready
 * @typedef {{ title: string, cells: Record<string, Cell>, columns: Record<string, Column> }} Outcome columns: all results
 * @typedef {import('./compat/options.mjs').Options} Options
 */

/** @param {string} text */
const progress = (text) => process.stderr.write(`${text}\n`)

/** One run: rows in the order in which they come. */
class Run {
  /** @type {Outcome[]} */
  alone = []
  /** @type {Outcome[]} */
  together = []
  transports
  shared
  #isShort
  #project
  #task

  /**
   * @param {Options} options
   * @param {import('./compat/bundle.mjs').Project} project
   */
  constructor({ transports, isShort }, project) {
    const only = transports ?? (isShort ? SHORT_TRANSPORTS : TRANSPORTS)
    this.transports = TRANSPORTS.filter((name) => only.includes(name))
    this.shared = SHARED_TRANSPORTS.filter((name) => only.includes(name))
    this.#isShort = isShort
    this.#project = project
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(join(CERTIFICATES, name), 'utf8'))
    this.#task = {
      sides: isShort ? SHORT_SIDES : SIDES,
      floodBytes: FLOOD_BYTES,
      dir: project.socketDir,
      tls: { cert: String(cert), key: String(key) },
    }
  }

  /** @param {Runtime} runtime */
  async add(runtime) {
    const ready = await this.#obtain(runtime)
    const here = await this.#obtain(/** @type {Runtime} */ (allRuntimes().find(isRunning)))
    if (typeof here === 'string') throw new Error(here)
    if (typeof ready === 'string') {
      const title = `${runtime.title} ${runtime.version}`
      progress(ready)
      this.alone.push(missing(title, this.transports, ready))
      this.together.push(missing(`${title} and ${here.title}`, this.shared, ready))
      return
    }
    this.alone.push(await this.#runCases(ready.title, this.transports, ready, null))
    if (isRunning(runtime) || this.shared.length === 0) return
    for (const [caller, partner] of /** @type {const} */ ([
      [ready, here],
      [here, ready],
    ])) {
      const title = `${caller.title} calls ${partner.title}`
      this.together.push(await this.#runCases(title, this.shared, caller, partner))
    }
  }

  async addChromium() {
    if (findChromium() === null) {
      this.alone.push(missing('Chromium', this.transports, `${CHROMIUM}: not installed: ${NO_CHROMIUM}`))
      return
    }
    const program = { command: process.execPath, args: [], env: {}, file: this.#project.chromiumFile }
    const ready = { id: CHROMIUM, title: 'Chromium', program }
    this.alone.push(await this.#runCases('Chromium', this.transports, ready, null))
  }

  /** @returns {boolean} */
  get isFailure() {
    const cells = [...this.alone, ...this.together].flatMap((outcome) => Object.values(outcome.cells))
    return cells.some((cell) => cell.kind === 'ran' && cell.isFailure)
  }

  /** @returns {string} */
  toString() {
    const alone = { title: 'In one runtime', columns: this.transports, rows: this.alone }
    const together = { title: 'Between two', columns: this.shared, rows: this.together }
    return renderGrids([alone, together].filter(({ columns, rows }) => columns.length * rows.length > 0))
  }

  /**
   * @param {string} title
   * @param {readonly string[]} transports
   * @param {Ready} caller
   * @param {Ready | null} partner
   * @returns {Promise<Outcome>}
   */
  async #runCases(title, transports, caller, partner) {
    const ids = partner === null ? [caller.id] : [caller.id, partner.id]
    /** @type {Outcome} */
    const outcome = { title, cells: {}, columns: {} }
    for (const id of ids) {
      for (const [transport, reason] of Object.entries(reasonsAgainst(id))) {
        outcome.cells[transport] = notApplicable(reason)
      }
    }
    await runCases(
      {
        caller: caller.program,
        partner: partner?.program ?? null,
        task: this.#task,
        cwd: this.#project.dir,
        onHello: (runtime) => {
          if (partner === null) outcome.title = runtime
        },
        onColumn: (transport, column, seconds) => {
          const cell = cellOf(column, ids)
          outcome.columns[transport] = column
          outcome.cells[transport] = cell
          progress(`${outcome.title}, ${transport}: ${cell.passed}/${cell.total} in ${seconds.toFixed(1)} s`)
        },
      },
      transports.filter((transport) => !(transport in outcome.cells)),
    )
    return outcome
  }

  /**
   * @param {Runtime} runtime
   * @returns {Promise<Ready | string>} the reason when it cannot be had
   */
  async #obtain(runtime) {
    try {
      const { version, ...program } = await obtainRuntime(runtime, { mayFetch: !this.#isShort, progress })
      const { file } = this.#project
      return { id: runtime.id, title: `${runtime.title} ${version}`, program: { ...program, file } }
    } catch (error) {
      if (error instanceof NotInstalled) return `${runtime.id}: not installed: ${error.message}`
      throw error
    }
  }
}

/**
 * @param {string} title
 * @param {readonly string[]} transports
 * @param {string} reason
 * @returns {Outcome}
 */
function missing(title, transports, reason) {
  const cells = Object.fromEntries(transports.map((transport) => [transport, notApplicable(reason)]))
  return { title, cells, columns: {} }
}

async function main() {
  const runtimes = allRuntimes()
  const ids = [...runtimes.map(({ id }) => id), CHROMIUM]
  const options = parseOptions(process.argv.slice(2), ids, TRANSPORTS)
  if (options.isHelp) {
    process.stdout.write(USAGE)
    return
  }
  const { only, isShort, jsonFile } = options
  const project = await makeProject()
  process.on('exit', () => {
    endAllChildren()
    project.dispose()
  })
  const run = new Run(options, project)
  for (const runtime of runtimes) {
    if (only === null ? !isShort || isRunning(runtime) : only.includes(runtime.id)) await run.add(runtime)
  }
  if (only === null || only.includes(CHROMIUM)) await run.addChromium()
  process.stdout.write(`${run}`)
  if (jsonFile !== null) {
    const { alone, together } = run
    writeFileSync(jsonFile, `${JSON.stringify({ alone, together }, null, 2)}\n`)
  }
  if (run.isFailure) process.exitCode = 1
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  // The exit handler ends what still runs.
  process.on(signal, () => process.exit(130))
}
try {
  await main()
} catch (error) {
  if (!(error instanceof BadArgument)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
