/**
 * Owns: the cases of the behaviour suite in a Chromium that this process starts and ends: a page for each place.
 * Must not know: what is tested.
 *
 * Argument: a Task as JSON.
 */
import { readFileSync } from 'node:fs'
import { CallError, createPeer } from 'peerplex'
import { localHost } from './behaviour/callee.js'
import { Exchange, hostAnswerer, type Runner, remoteHost, remoteRunner } from './behaviour/line.js'
import { createPlace, introduceByUrl } from './behaviour/meet.js'
import type { Library, Side } from './behaviour/place.js'
import { CaseRunner } from './behaviour/runner.js'
import { Chrome, type PageGlobals, type Tab } from './chromium/chrome.js'
import type { Reach } from './chromium/page.js'
import { runColumns, say, type Task } from './compat/columns.js'
import type { MemoryDoor, MemoryRequest } from './compat/page.js'

const library: Library = { createPeer, CallError }

/** How a page reaches the answering peer; over the others both are in the page. */
const REACHES: Readonly<Record<string, Reach>> = {
  ws: 'ws',
  worker: 'Worker',
  'shared-worker': 'SharedWorker',
  port: 'MessagePort',
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task
const { floodBytes } = task
const chrome = await Chrome.start()
try {
  say({ event: 'hello', runtime: `Chromium ${chrome.browser.version()}` })
  await runColumns(task, async (transport, side) => {
    if (!hasSide(transport, side)) return null
    const tab = await chrome.open('esm')
    const runner = await startIn(tab, transport, side)
    return { run: (behaviour) => runner.run(behaviour), close: () => closeAll(runner, tab) }
  })
} finally {
  await chrome.close()
}

/** What reaches a worker is made by the page. */
function hasSide(transport: string, side: Side): boolean {
  return side === 'dialing' || transport === 'ws' || !(transport in REACHES)
}

async function startIn(tab: Tab, transport: string, side: Side): Promise<Runner> {
  const reach = REACHES[transport]
  if (reach === undefined) {
    const kind = transport === 'memory-byte' ? 'byte' : 'message'
    const request: MemoryRequest = { transport, side, kind, floodBytes }
    await tab.page.evaluate(readFileSync(new URL('compat-page.js', import.meta.url), 'utf8'))
    await tab.page.evaluate(
      (input) => (globalThis as typeof globalThis & MemoryDoor).runInMemory(input),
      request,
    )
    return remoteRunner(new Exchange(tab.line))
  }
  if (side === 'dialing') {
    const exchange = new Exchange(tab.line, hostAnswerer(localHost(library)))
    const request = { transport, reach, floodBytes }
    await tab.page.evaluate((input) => (globalThis as PageGlobals).door.run(input), request)
    return remoteRunner(exchange)
  }
  // A page cannot listen: Node does, and the page that answers dials.
  const host = remoteHost(new Exchange(tab.line))
  await tab.page.evaluate(() => (globalThis as PageGlobals).door.serve())
  const introduce = () => introduceByUrl(side, host, { newUrl: () => 'ws://127.0.0.1:0/peer' })
  return new CaseRunner(createPlace({ transport, side, library, introduce }), { floodBytes })
}

async function closeAll(runner: Runner, tab: Tab): Promise<void> {
  await runner.close()
  await tab.close()
  if (tab.problems.length > 0) throw new Error(`the page said ${tab.problems.join('; ')}`)
}
