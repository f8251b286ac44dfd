/**
 * Owns: a process that serves calls and writes down each execution before it does anything else, so that nothing it did is
 * forgotten however it ends.
 * Must not know: when it is killed.
 *
 * Arguments: file to write to, `listen` or `dial`, URL, `hang` (most calls never end) or `answer`.
 */
import { openSync, writeSync } from 'node:fs'
import { createPeer } from '../src/index.js'

const [file = '', role, url = '', mode] = process.argv.slice(2)
const log = openSync(file, 'a')
const peer = createPeer({
  id: 'server',
  // Fewer than the test has in flight: the rest waits on the side of the caller.
  limits: { maxOpenChannels: 600 },
  reconnect: { initialMs: 20, maxMs: 100 },
})

function write(id: number): void {
  writeSync(log, `${id}\n`)
}

peer.handle({
  work: (id: number) => {
    write(id)
    return mode === 'answer' || id % 10 === 0 ? id * 2 : new Promise(() => {})
  },
  items: async function* (id: number) {
    write(id)
    yield id
    if (mode === 'answer') return
    await new Promise(() => {})
  },
  swallow: async (ids: AsyncIterable<number>) => {
    let first = -1
    for await (const id of ids) {
      if (first < 0) write(id)
      first = id
    }
    return first
  },
})

if (role === 'listen') {
  const listener = await peer.bind(url)
  process.stdout.write(`${JSON.stringify(listener.url)}\n`)
} else {
  await peer.connect(url).ready
  process.stdout.write('"ready"\n')
}
