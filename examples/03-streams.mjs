// A call with many answers. Shows: handlers that are generators, leaving the loop, a slow reader that slows the producer, trailers.
import { setTimeout as delay } from 'node:timers/promises'
import { createPeer } from 'peerplex'

const source = createPeer()
const reader = createPeer()
let madeCount = 0

try {
  source.handle({
    // A generator yields as long as somebody listens; `finally` runs when nobody does any more.
    clock: async function* () {
      try {
        for (let tick = 1; ; tick++) {
          yield tick
          await delay(5)
        }
      } finally {
        console.log('clock: nobody listens any more')
      }
    },
    // 1000 pieces of 64 KiB: 64 MB, if they were all made at once.
    file: async function* (_input, ctx) {
      for (madeCount = 0; madeCount < 1000; madeCount++) yield new Uint8Array(65_536)
      ctx.replyTrailers.set('x-pieces', '1000')
    },
  })
  const listener = await source.bind('tcp://127.0.0.1:0')
  reader.connect(listener.url)

  for await (const tick of reader.stream('clock')) {
    console.log('tick', tick)
    if (tick === 3) break // tells the handler to stop
  }

  const pieces = reader.stream('file')
  await pieces.next()
  await delay(200) // read nothing for a while: the handler waits at its `yield`
  console.log(madeCount < 100 ? 'the producer waits for the reader' : `${madeCount} pieces made, 1 read`)

  let readCount = 1
  for await (const _piece of pieces) readCount += 1
  const trailers = await pieces.trailers
  console.log('read', readCount, 'of', trailers.get('x-pieces'), 'pieces')
} finally {
  await reader.close()
  await source.close()
}
