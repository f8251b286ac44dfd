// What a fault proxy holds while somebody does not read, and that nobody is stuck when a connection is cut then.
import { expect, it } from 'vitest'
import { MAX_PIPE_BYTES, Random } from '../src/index.js'
import { type End, someTurns, until, useStage } from './fault-support.js'

const stage = useStage()
const BLOCK = new Random(1).bytes(2 ** 16)

/** Writes so many blocks as fast as they are taken; tells how many bytes were written so far. */
function pour(end: End, blockCount: number): () => number {
  let leftBlocks = blockCount
  const write = (): void => {
    while (leftBlocks > 0) {
      leftBlocks -= 1
      if (!end.socket.write(BLOCK)) return
    }
  }
  end.socket.on('drain', write)
  write()
  return () => (blockCount - leftBlocks) * BLOCK.length
}

/** Waits until nothing more is taken, because nobody reads. */
async function standstill(writtenBytes: () => number): Promise<void> {
  for (let before = -1; before < writtenBytes(); ) {
    before = writtenBytes()
    await someTurns(1_000)
  }
}

it.each([
  ['as it comes', {}],
  ['with latency', { latencyMs: 1 }],
  ['with merging', { mergeMs: 1 }],
])('64 MiB through a slow reader stay within the bound: %s', async (_name, settings) => {
  const proxy = await stage().open()
  proxy.set(settings)
  const { near, far } = await stage().pair()
  const connection = proxy.connections[0]
  let mostHeldBytes = 0
  const measure = (): void => {
    mostHeldBytes = Math.max(mostHeldBytes, connection?.heldBytes ?? 0)
  }
  near.socket.on('drain', measure)
  far.socket.on('data', () => {
    measure()
    far.chunks.length = 0
  })
  far.socket.pause()
  const writtenBytes = pour(near, 1_024)
  await standstill(writtenBytes)
  expect(writtenBytes()).toBeLessThan(2 ** 25)
  expect(connection?.heldBytes).toBeGreaterThan(2 ** 20)
  far.socket.resume()
  await far.received(2 ** 26)
  expect(mostHeldBytes).toBeLessThanOrEqual(MAX_PIPE_BYTES)
})

it('single bytes are bounded by their number', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  proxy.set({ isBlackHole: true })
  for (let i = 0; i < 30_000; i++) {
    near.socket.write('.')
    await someTurns(1)
  }
  // Of which 16 KiB are in the buffer of the socket, where they stay as they came.
  expect(proxy.connections[0]?.heldBytes).toBeLessThan(25_000)
  proxy.heal()
  await far.received(30_000)
})

it('a direction that is ended while the reader does not read loses what waits, and its writer is not stuck', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  far.socket.pause()
  const writtenBytes = pour(near, 1_024)
  await standstill(writtenBytes)
  proxy.cut('halfClose')
  const connection = proxy.connections[0]
  expect(connection?.heldBytes).toBeLessThan(2 ** 18)
  await until(() => writtenBytes() === 2 ** 26 && near.socket.writableLength === 0, 'the end of writing')
  far.socket.resume()
  await far.saw('end')
  expect(far.byteCount).toBe(connection?.bytesUp)
  far.socket.write('back')
  await near.received(4)
})

it('what comes for someone who is gone is dropped, while that is not told', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  near.socket.pause()
  const writtenBytes = pour(far, 1_024)
  await standstill(writtenBytes)
  proxy.set({ isBlackHole: true }, 'up')
  near.socket.resetAndDestroy()
  await until(() => writtenBytes() === 2 ** 26 && far.socket.writableLength === 0, 'the end of writing')
  expect(far.events).toEqual([])
  proxy.heal()
  await far.saw('close')
  expect(far.events).toEqual(['ECONNRESET', 'close'])
})

it('a reset comes through behind an end that waits for the reader', async () => {
  const proxy = await stage().open()
  const { near, far } = await stage().pair()
  far.socket.pause()
  while (proxy.connections[0]?.heldBytes === 0) {
    near.socket.write(BLOCK)
    await someTurns(10)
  }
  near.socket.end()
  await someTurns()
  proxy.cut('reset')
  await near.saw('ECONNRESET')
  await until(() => proxy.connections.length === 0, 'the end of the connection')
  // Bytes that were not read before a reset make Node call it an end, as a rule.
  far.socket.resume()
  await until(() => far.events.length > 0, 'the end of the reader')
  far.socket.write('anybody?')
  await far.saw('close')
})
