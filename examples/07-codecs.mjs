// A codec turns values into bytes; every call may name its own. Shows: msgpack (the default), json, raw, text, and one of your own.
import { createPeer, PeerplexError } from 'peerplex'

/** Rows of cells as lines of text. Numbers from 64 to 127 are for codecs of applications. */
const csv = {
  id: 64,
  name: 'csv',
  /** @param {unknown} rows */
  encode: (rows) => new TextEncoder().encode(/** @type {unknown[][]} */ (rows).map(String).join('\n')),
  /** @param {Uint8Array} bytes */
  decode: (bytes) =>
    new TextDecoder()
      .decode(bytes)
      .split('\n')
      .map((line) => line.split(',')),
}

const left = createPeer({ codecs: [csv] })
const right = createPeer({ codecs: [csv] })

try {
  // The handler need not know: it sees values, and answers in the codec of the call.
  left.handle('echo', (input, ctx) => {
    console.log(`${ctx.codec}:`.padEnd(8), input)
    return input
  })
  const listener = await left.bind('tcp://127.0.0.1:0')
  right.connect(listener.url)

  const note = { at: new Date(0), tags: ['a', 'b'] }
  await right.call('echo', note) // dates and bytes stay what they are
  await right.call('echo', note, { codec: 'json' }) // a date becomes text; bytes would be an error
  await right.call('echo', new Uint8Array([1, 2, 3]), { codec: 'raw' }) // bytes, as they are
  await right.call('echo', 'just text', { codec: 'text' })
  const rows = await right.call(
    'echo',
    [
      ['id', 'name'],
      [1, 'Ada'],
    ],
    { codec: 'csv' },
  )
  console.log('and back:', rows)

  // What a codec cannot carry is refused before anything is sent, with the place.
  try {
    await right.call('echo', { picture: new Uint8Array(3) }, { codec: 'json' })
  } catch (error) {
    if (!(error instanceof PeerplexError)) throw error
    console.log(`${error.code} (${error.delivery}): ${error.message}`)
  }
} finally {
  await right.close()
  await left.close()
}
