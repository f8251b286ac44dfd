// Every behaviour case on every transport of Node, called from either side: the matrix is printed at the
// end, and has no empty cell.
// PEERPLEX_FLOOD_BYTES=200000000 makes the readers that stop see that much.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { root } from '../../../../scripts/workspace.mjs'

import { HANG_MS } from '../support.js'
import { Bundles } from './bundle.js'
import { CASES } from './cases.js'
import type { Runner } from './line.js'
import { Matrix } from './matrix.js'
import { nodePlaces, SIDES } from './node-places.js'
import type { Side } from './place.js'
import { CaseRunner } from './runner.js'
import { runnerInWorker, workerPlace } from './worker-places.js'

vi.setConfig({ testTimeout: 3 * HANG_MS, hookTimeout: HANG_MS })

const floodBytes = Number(process.env.PEERPLEX_FLOOD_BYTES || 8_000_000)
const certificates = join(root, 'packages/transport-ws/test/certificates')
const tls = {
  cert: readFileSync(join(certificates, 'cert.pem'), 'utf8'),
  key: readFileSync(join(certificates, 'key.pem'), 'utf8'),
}

const bundles = new Bundles()
let calleeProgram = ''
let callerProgram = ''

beforeAll(async () => {
  calleeProgram = await bundles.make(new URL('./worker-callee-program.ts', import.meta.url))
  callerProgram = await bundles.make(new URL('./worker-caller-program.ts', import.meta.url))
})
afterAll(() => bundles.dispose())

interface Column {
  readonly transport: string
  readonly side: Side
  start(): Runner
}

const columns: Column[] = nodePlaces({ tls }).map((place) => ({
  transport: place.transport,
  side: place.side,
  start: () => new CaseRunner(place, { floodBytes }),
}))
const inWorkers: readonly ((side: Side) => Column)[] = [
  (side) => ({
    transport: 'worker, the other in it',
    side,
    start: () => new CaseRunner(workerPlace(side, calleeProgram), { floodBytes }),
  }),
  (side) => ({
    transport: 'worker, the caller in it',
    side,
    start: () => runnerInWorker(side, callerProgram, floodBytes),
  }),
]
columns.push(...inWorkers.flatMap((column) => SIDES.map(column)))
const matrix = new Matrix(
  columns,
  CASES.map(({ name }) => name),
)

for (const { transport, side, start } of columns) {
  describe(`${transport}, the caller ${side}`, () => {
    let runner: Runner
    beforeAll(() => {
      runner = start()
    })
    afterAll(() => runner.close())

    for (const behaviour of CASES) {
      it(behaviour.name, async () => {
        const result = await runner.run(behaviour)
        matrix.add(result)
        if (result.outcome.kind === 'fail') expect.fail(result.outcome.text)
      })
    }
  })
}

it('the matrix has no empty cell, and no failed one', () => {
  console.log(`\n${matrix}\n${process.env.PEERPLEX_FLOOD_BYTES ? `\n${matrix.notes()}\n` : ''}`)
  expect(matrix.problems()).toEqual([])
})
