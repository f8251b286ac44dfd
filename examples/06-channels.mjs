// Below calls there are channels: messages in both directions, each with its own end. Shows: open, accept, half-close, trailers, join.
import { connect, createServer } from 'node:net'
import { createPeer } from 'peerplex'

// `channels` is the layer on which calls are built.
const host = createPeer({ id: 'host' })
const client = createPeer({ id: 'client' })
// An ordinary TCP service that knows nothing of peers: it answers each piece of text in upper case.
const service = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('data', (data) => socket.write(String(data).toUpperCase()))
  socket.on('end', () => socket.end())
})

try {
  host.accept('log.*', async (channel) => {
    let count = 0
    for await (const line of channel) {
      count += 1
      await channel.send(`${channel.name} ${count}: ${line}`) // awaiting it goes no faster than the reader
    }
    channel.end({ 'x-count': String(count) }) // the client has ended its side; now this one ends, with trailers
  })
  // A tunnel: bytes of the channel go to the service and back, back-pressure and half-close included.
  await new Promise((resolve) => service.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = service.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  host.accept('tunnel', (channel) => {
    void channel.join(connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
  })

  const listener = await host.bind('tcp://127.0.0.1:0')
  client.connect(listener.url)

  const log = client.open('log.app')
  log.onMessage = (message) => console.log('received:', message)
  for (const line of ['starting', 'ready']) await log.send(line)
  log.end() // no more from here; what comes from there still arrives
  const { code, trailers } = await log.closed
  console.log('closed:', code, 'lines:', trailers.get('x-count'))

  const tunnel = client.open('tunnel', { codec: 'raw' })
  await tunnel.send(new TextEncoder().encode('through the tunnel'))
  tunnel.end()
  let text = ''
  for await (const bytes of tunnel) text += new TextDecoder().decode(/** @type {Uint8Array} */ (bytes))
  console.log('tunnel:', text)
} finally {
  await client.close()
  await host.close()
  service.close()
}
