import { ConnectionRecorder, ContractWatch, within } from '@peerplex/testkit'
import { parseEndpoint } from '@peerplex/wire/transport'
import { expect, it } from 'vitest'
import { wsTransport } from '../src/index.js'
import { cert, key } from './support.js'

/** Everything of sockets that holds the process. */
function socketResources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|TLS|Connect|Shutdown|Write/.test(name))
    .sort()
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

it.each(['ws', 'wss'])('%s leaves no handle behind', async (scheme) => {
  const before = socketResources()
  const transport = wsTransport({ tls: { cert, key, ca: cert } })
  const watch = new ContractWatch()
  const accepted: ConnectionRecorder[] = []
  const listener = await transport.listen(parseEndpoint(`${scheme}://127.0.0.1:0`), {}, (connection) => {
    accepted.push(new ConnectionRecorder(connection, 'accepted', watch))
  })
  const dial = async (url = listener.url, signal?: AbortSignal): Promise<ConnectionRecorder> =>
    new ConnectionRecorder(
      await transport.connect(parseEndpoint(url), signal ? { signal } : {}),
      'dialed',
      watch,
    )

  // Ended here; destroyed here; destroyed there; in use when the listener closes; refused; not found; given up; in use twice.
  const dialed = [await dial(), await dial(), await dial(), await dial()]
  for (const recorder of dialed) recorder.write(Uint8Array.of(1))
  while (accepted.length < 4) await turns(1)
  for (const recorder of accepted) await recorder.received(1)
  dialed[0]?.end()
  dialed[1]?.destroy()
  accepted[2]?.destroy()
  expect(socketResources().length).toBeGreaterThan(before.length)
  await expect(dial(`${scheme}://127.0.0.1:1`)).rejects.toThrow()
  await expect(dial(`${listener.url}/other`)).rejects.toThrow('404')
  const abort = new AbortController()
  const attempt = dial(listener.url, abort.signal)
  abort.abort()
  await expect(attempt).rejects.toThrow()
  await expect(transport.listen(parseEndpoint(listener.url), {}, () => {})).rejects.toThrow()
  await listener.close()
  await Promise.all([dialed[0]?.ended(), accepted[0]?.ended(), accepted[1]?.ended(), dialed[2]?.ended()])
  dialed[3]?.destroy()
  await accepted[3]?.ended()

  const gone = (async () => {
    while (socketResources().length > before.length) await turns(1)
  })()
  await within(gone, 'the sockets to go')
  expect(watch.violations).toEqual([])
})
