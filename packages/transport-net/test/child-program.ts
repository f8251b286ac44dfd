// Owns: a process that listens with the socket transport and echoes. Told by lines on stdin what to do, it answers with
// lines of JSON. Must not know: why.
import { createInterface } from 'node:readline'
import { PeerplexError } from '@peerplex/wire'
import { type Connection, type Listener, parseEndpoint } from '@peerplex/wire/transport'
import { netTransport } from '../src/index.js'

const transport = netTransport()
const listeners: Listener[] = []
let acceptedCount = 0

function say(answer: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

function echo(connection: Connection): void {
  acceptedCount += 1
  connection.sink = {
    onData: (chunk) => void connection.write([chunk]),
    onDrain: () => {},
    onEnd: () => connection.destroy(),
  }
}

async function answer(line: string): Promise<void> {
  const [verb, url = ''] = line.split(' ')
  try {
    if (verb === 'listen') {
      const listener = await transport.listen(parseEndpoint(url), {}, echo)
      listeners.push(listener)
      say({ url: listener.url })
    } else if (verb === 'count') {
      say({ acceptedCount })
    } else if (verb === 'close') {
      // Nothing else may hold this process: it ends by itself.
      for (const listener of listeners) await listener.close()
      input.close()
    }
  } catch (error) {
    say(
      error instanceof PeerplexError ? { code: error.code, message: error.message } : { code: String(error) },
    )
  }
}

const input = createInterface({ input: process.stdin })
input.on('line', (line) => void answer(line))
