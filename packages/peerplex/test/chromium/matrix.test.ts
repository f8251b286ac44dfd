// Everything that the behaviour cases ask of a peer, in a real Chromium: in pages made in both ways, called by Node, and with workers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as library from '../../src/index.js'
import { localHost } from '../behaviour/callee.js'
import { CASES } from '../behaviour/cases.js'
import { Exchange, hostAnswerer, type Runner, remoteHost, remoteRunner } from '../behaviour/line.js'
import { Matrix } from '../behaviour/matrix.js'
import { createPlace, introduceByUrl } from '../behaviour/meet.js'
import type { Side } from '../behaviour/place.js'
import { CaseRunner } from '../behaviour/runner.js'
import { describeInChromium, type PageGlobals, type Tab } from './chrome.js'
import type { Reach } from './page.js'
import type { Build } from './site.js'

/** What readers that stop are sent; flood.test.ts has more. */
const FLOOD_BYTES = 8_000_000

interface Column {
  readonly transport: string
  /** Of the caller. */
  readonly side: Side
  readonly build: Build
  start(tab: Tab): Promise<Runner>
}

const COLUMNS: readonly Column[] = [
  fromPage('page with a bundler, ws to Node', 'esm', 'ws'),
  fromPage('page with a script tag, ws to Node', 'iife', 'ws'),
  { transport: 'Node, ws to a page', side: 'listening', build: 'esm', start: fromNode },
  fromPage('page, Worker', 'esm', 'Worker'),
  fromPage('page, SharedWorker', 'esm', 'SharedWorker'),
  fromPage('page, MessagePort to a Worker', 'iife', 'MessagePort'),
]

/** The caller is in the page, and says what it wants of answering peers in Node. */
function fromPage(transport: string, build: Build, reach: Reach): Column {
  const start = async (tab: Tab): Promise<Runner> => {
    const exchange = new Exchange(tab.line, hostAnswerer(localHost(library)))
    const request = { transport, reach, floodBytes: FLOOD_BYTES }
    await tab.page.evaluate((input) => (globalThis as PageGlobals).door.run(input), request)
    return remoteRunner(exchange)
  }
  return { transport, side: 'dialing', build, start }
}

/** A page cannot listen: Node does, and the page that answers dials. */
async function fromNode(this: Column, tab: Tab): Promise<Runner> {
  const host = remoteHost(new Exchange(tab.line))
  await tab.page.evaluate(() => (globalThis as PageGlobals).door.serve())
  const place = createPlace({
    transport: this.transport,
    side: 'listening',
    library,
    introduce: () => introduceByUrl('listening', host, { newUrl: () => 'ws://127.0.0.1:0/peer' }),
  })
  return new CaseRunner(place, { floodBytes: FLOOD_BYTES })
}

describeInChromium('behaviour in Chromium', (chrome) => {
  const names = CASES.map(({ name }) => name)
  const matrix = new Matrix(COLUMNS, names)

  for (const column of COLUMNS) {
    describe(column.transport, () => {
      let tab: Tab | undefined
      let runner: Runner | undefined
      beforeAll(async () => {
        tab = await chrome().open(column.build)
        runner = await column.start(tab)
      })
      afterAll(async () => {
        await runner?.close()
        await tab?.close()
        expect(tab?.problems).toEqual([])
      })

      for (const behaviour of CASES) {
        it(behaviour.name, { timeout: 180_000 }, async () => {
          const result = await (runner as Runner).run(behaviour)
          matrix.add(result)
          if (result.outcome.kind === 'fail') expect.fail(result.outcome.text)
        })
      }
    })
  }

  it('the matrix has no empty cell, and no failed one', () => {
    console.log(`\n${matrix}\n`)
    expect(matrix.problems()).toEqual([])
  })
})
