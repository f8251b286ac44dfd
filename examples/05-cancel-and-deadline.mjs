// Work that nobody waits for any more ends. Shows: AbortSignal, deadlines, how both reach the handler and the calls that it makes.
import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createPeer, PeerplexError } from 'peerplex'

const kitchen = createPeer({ id: 'kitchen' })
const guest = createPeer({ id: 'guest' })
const news = new EventEmitter()

try {
  kitchen.handle({
    // `ctx.signal` goes wherever an AbortSignal is taken: timers, fetch, child processes.
    roast: async (_input, ctx) => {
      try {
        await delay(60_000, undefined, { signal: ctx.signal })
      } finally {
        news.emit('given up', ctx.signal.reason.code)
      }
    },
    // A call made through `ctx` inherits the time that is left: here the guest itself is asked back.
    menu: (_input, ctx) => ctx.call('guest.timeLeftMs', undefined, { to: ctx.remote.id }),
  })
  guest.handle('guest.timeLeftMs', (_input, ctx) => ctx.timeRemainingMs)
  const listener = await kitchen.bind('tcp://127.0.0.1:0')
  await guest.connect(listener.url).ready

  let givenUp = once(news, 'given up')
  const abort = new AbortController()
  setTimeout(() => abort.abort(new Error('not hungry any more')), 50)
  try {
    await guest.call('roast', undefined, { signal: abort.signal })
  } catch (error) {
    console.log('guest:', String(error)) // at once, and it is the reason of the signal
  }
  console.log('kitchen gave up:', ...(await givenUp))

  givenUp = once(news, 'given up')
  try {
    await guest.call('roast', undefined, { timeoutMs: 50 })
  } catch (error) {
    if (!(error instanceof PeerplexError)) throw error
    console.log('guest:', error.code)
  }
  console.log('kitchen gave up:', ...(await givenUp))

  // The connection has seen none of this.
  const leftMs = Number(await guest.call('menu', undefined, { timeoutMs: 5_000 }))
  console.log(
    'menu, two calls deep: time left is',
    leftMs > 0 && leftMs <= 5_000 ? '5 s or less' : `${leftMs} ms`,
  )
} finally {
  await guest.close()
  await kitchen.close()
}
