// One peer listens and answers, another one dials and calls. Shows: bind, connect, handle, call, headers, and what an error says.
import { createPeer, PeerplexError } from 'peerplex'

const parrot = createPeer({ id: 'parrot' })
const visitor = createPeer({ id: 'visitor' })

try {
  parrot.handle('echo', (input, ctx) => {
    ctx.replyHeaders.set('x-asked-by', ctx.remote.id)
    return input
  })
  const listener = await parrot.bind('tcp://127.0.0.1:0') // port 0: any free one; listener.url has it
  console.log('parrot listens on', listener.url)

  // Returns at once. Calls made before the connection is there wait for it.
  visitor.connect(listener.url)

  const back = await visitor.call(
    'echo',
    { text: 'hello', at: new Date(0), bytes: new Uint8Array([1, 2, 3]) },
    { onHeaders: (headers) => console.log('asked by', headers.get('x-asked-by')) },
  )
  console.log('came back:', back)

  try {
    await visitor.call('ecco', 'hello')
  } catch (error) {
    if (!(error instanceof PeerplexError)) throw error
    console.log(`${error.code} (${error.origin}, ${error.delivery}): ${error.message}`)
  }
} finally {
  await visitor.close()
  await parrot.close()
}
