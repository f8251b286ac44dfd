/**
 * Owns: the cases of the behaviour suite in one process of whatever runtime runs this: at the places it is told, with a
 * line of JSON for each step. The same program is the thread, and the process that answers callers elsewhere. It ends by
 * itself.
 * Must not know: which runtime this is, what is tested.
 *
 * Argument: a Task as JSON.
 */
import { createInterface } from 'node:readline'
import { isMainThread } from 'node:worker_threads'
import { CallError, createPeer } from 'peerplex'
import { localHost } from './behaviour/callee.js'
import { Exchange, hostAnswerer, type Line, remoteHost } from './behaviour/line.js'
import type { CalleeHost, Library } from './behaviour/place.js'
import { CaseRunner } from './behaviour/runner.js'
import { runColumns, say, type Task } from './compat/columns.js'
import { placeFor, type Realm } from './compat/places.js'
import { serveThread } from './compat/thread.js'

const library: Library = { createPeer, CallError }

/** To the process that started this one, which leads to the partner. */
function streamLine(): Line {
  const line: Line = {
    send: (message) => say({ event: 'line', message }),
    onMessage: () => {},
  }
  createInterface({ input: process.stdin }).on('line', (text) => line.onMessage(JSON.parse(text)))
  return line
}

/** Bun and Deno also say which Node they stand in for. */
function runtimeName(): string {
  const { bun, deno, node } = process.versions
  if (bun !== undefined) return `Bun ${bun}`
  return deno === undefined ? `Node ${node}` : `Deno ${deno}`
}

async function run(task: Task): Promise<void> {
  const { hasPartner, floodBytes, dir, tls } = task
  const partner: CalleeHost | null = hasPartner ? remoteHost(new Exchange(streamLine())) : null
  const realm: Realm = { library, file: new URL(import.meta.url), dir, tls }
  await runColumns(
    task,
    async (transport, side) => new CaseRunner(placeFor(realm, transport, side, partner), { floodBytes }),
  )
  if (hasPartner) process.stdin.destroy()
}

if (isMainThread) {
  const task = JSON.parse(process.argv[2] ?? '{}') as Task
  say({ event: 'hello', runtime: runtimeName() })
  if (task.role === 'answer') new Exchange(streamLine(), hostAnswerer(localHost(library)))
  else await run(task)
} else {
  serveThread(library)
}
