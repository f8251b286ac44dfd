// The argument of a call may itself be a stream. Shows: summing it up, both directions at once, a handler that has seen enough.
import { createPeer } from 'peerplex'

const desk = createPeer()
const caller = createPeer()

/** Counts up, and says when its reader has gone. */
async function* numbers(/** @type {number} */ last) {
  let n = 0
  try {
    while (n < last) yield ++n
  } finally {
    if (n < last) console.log('numbers: stopped early')
  }
}

try {
  desk.handle({
    // When the caller's argument is an AsyncIterable, the handler gets one, too, and starts at once.
    sum: async (/** @type {AsyncIterable<number>} */ input) => {
      let sum = 0
      for await (const n of input) sum += n
      return sum
    },
    // Stream in, stream out: each line is answered as it comes.
    shout: async function* (/** @type {AsyncIterable<string>} */ lines) {
      for await (const line of lines) yield `${line.toUpperCase()}!`
    },
    // Leaving the loop stops the caller's iterable; the answer still reaches it.
    firstSquareAbove100: async (/** @type {AsyncIterable<number>} */ input) => {
      for await (const n of input) if (n * n > 100) return n
      return null
    },
  })
  const listener = await desk.bind('tcp://127.0.0.1:0')
  caller.connect(listener.url)

  console.log('sum of 1 to 100:', await caller.call('sum', numbers(100)))

  async function* lines() {
    yield 'anybody there'
    yield 'good'
  }
  for await (const answer of caller.stream('shout', lines())) console.log('answer:', answer)

  console.log(
    'first square above 100:',
    await caller.call('firstSquareAbove100', numbers(1_000_000)),
    'squared',
  )
} finally {
  await caller.close()
  await desk.close()
}
